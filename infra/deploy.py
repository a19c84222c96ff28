"""Brings a stage to this checkout: first the infra stack, then the app. Run by `make deploy`; the local cloud
calls its parts. What would change is shown first; production asks.

python -m infra.deploy --stage prod
"""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from typing import Any

from chalicelib.control.signing import KEYS, new_key, parameter_name
from chalicelib.settings import SettingsError
from infra.account import Account
from infra.addresses import Addresses, with_addresses
from infra.app_template import AppInputs, app_template
from infra.archive import Artifact
from infra.chalice_app import PackagingError, packaged_template
from infra.domain import deploy_domain
from infra.outer import outer_resources
from infra.package import app_zip, workers_zip
from infra.reaching_aws import reaching_aws
from infra.releases import released
from infra.room import no_room
from infra.runtimes import Runtime, runtime_of
from infra.shipped_templates import write_down_templates
from infra.stacks import Agree, DeployError, deploy_stack
from infra.stages import (
    PRODUCTION,
    WorkerTimings,
    doors_of,
    environment_of,
    own_variables,
    stage_config,
    stage_names,
    template_parameters,
)
from infra.template_build import built_template
from layers.build import build_layer


def deploy_infra(
    account: Account,
    *,
    environment: Mapping[str, str],
    timings: WorkerTimings,
    workers: Artifact,
    layer: Artifact | None,
    runtime: Runtime,
    at_once: bool = False,
    agree: Agree = lambda _: True,
) -> bool:
    """Brings the stack `vestnik-<stage>-infra` to `template.yaml`; answers whether it changed. Raises: DeployError,
    RefusedError."""
    stage = environment["VESTNIK_STAGE"]
    bucket = account.artifact_bucket(stage)
    ensure_keys(account, stage)
    name = f"vestnik-{stage}-infra"
    parameters = {
        **template_parameters(environment, timings),
        "Runtime": runtime.name,
        "Architecture": runtime.architecture,
        "ArtifactBucket": bucket,
        "WorkersKey": account.upload(bucket, workers),
        "LayerKey": account.upload(bucket, layer) if layer else "",
    }
    template = released(built_template(stage), parameters, stage=stage, at_once=at_once)
    return deploy_stack(
        account.cloudformation,
        name,
        template=template,
        template_url=account.upload_text(bucket, name, template),
        parameters=parameters,
        agree=agree,
    )


def ensure_keys(account: Account, stage: str) -> None:
    """Makes those of the stage's keys that are not there; one that is there is never touched, and never read."""
    for key in KEYS:
        with suppress(account.ssm.exceptions.ParameterAlreadyExists):
            account.ssm.put_parameter(
                Name=parameter_name(stage, key),
                Description="What it is for: docs/links-and-preferences.md",
                Value=new_key(),
                Type="SecureString",
                Overwrite=False,
            )


def deploy_app(
    account: Account,
    app: Artifact,
    *,
    environment: Mapping[str, str],
    layer: Artifact | None,
    runtime: Runtime,
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    replace: bool = False,
    agree: Agree = lambda _: True,
) -> bool:
    """Brings the stack `vestnik-<stage>-app` to this checkout; answers whether it changed. `adapt` is for an
    emulator with needs of its own. Raises: DeployError, RefusedError, PackagingError."""
    stage = environment["VESTNIK_STAGE"]
    bucket = account.artifact_bucket(stage)
    name = f"vestnik-{stage}-app"
    inputs = AppInputs(
        environment=environment,
        addresses=Addresses(account.emulator_url),
        doors=doors_of(stage),
        runtime=runtime,
        bucket=bucket,
        code_key=account.upload(bucket, app),
        layer_key=account.upload(bucket, layer) if layer else "",
        own=own_variables(stage),
    )
    made = app_template(packaged_template(stage), inputs)
    made["Resources"] |= outer_resources(stage, stage_config(stage))
    template = json.dumps(adapt(made), sort_keys=True, indent=1)
    return deploy_stack(
        account.cloudformation,
        name,
        template=template,
        template_url=account.upload_text(bucket, name, template),
        parameters={},
        replace=replace,
        agree=agree,
    )


def main(arguments: list[str] | None = None) -> int:
    """With the credentials and the region of the environment; AWS_ENDPOINT_URL leads to LocalStack."""
    parser = argparse.ArgumentParser(description="Deploy the workers' stack, then the app.")
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--yes", action="store_true", help="do not ask (for a pipeline that has asked somebody)")
    chosen = parser.parse_args(arguments)
    stage: str = chosen.stage
    asks = stage == PRODUCTION and not chosen.yes
    try:
        with reaching_aws("deploy", stage):
            _deploy(Account(), stage, agree=partial(agrees, stage) if asks else show)
    except (DeployError, PackagingError, SettingsError) as error:
        print(f"deploy: {error}", file=sys.stderr)
        return 1
    return 0


def _deploy(account: Account, stage: str, *, agree: Agree) -> None:
    environment = environment_of(stage)  # a mistake in it is named here, before anything is built
    runtime = runtime_of(stage)
    if lacking := no_room(account.lambdas, stage):
        raise DeployError(lacking)
    deploy_domain(account, stage, stage_config(stage), agree=agree)
    layer, app = build_layer(runtime) if stage_config(stage).automatic_layer else None, app_zip(runtime)
    deploy_workers = partial(
        deploy_infra,
        account,
        timings=WorkerTimings(),
        workers=workers_zip(runtime),
        layer=layer,
        runtime=runtime,
        agree=agree,
    )
    _told(f"vestnik-{stage}-infra", deploy_workers(environment=with_addresses(environment, account)))
    for line in write_down_templates(account, stage):
        print(line)
    _told(
        f"vestnik-{stage}-app",
        deploy_app(account, app, environment=environment, layer=layer, runtime=runtime, agree=agree),
    )
    deploy_workers(environment=with_addresses(environment, account))  # a first app has just been given its addresses


def _told(stack: str, changed: bool) -> None:
    print(f"{stack}: {'deployed' if changed else 'is already so'}")


def show(lines: Sequence[str]) -> bool:
    """Prints what would change, and has no objection."""
    print("\n".join(lines))
    return True


def agrees(stage: str, lines: Sequence[str]) -> bool:
    """Prints what would change; yes is the stage's name, typed by a person."""
    show(lines)
    try:
        return input(f"This changes {stage}. Type {stage} to go on: ").strip() == stage
    except EOFError:
        print("\nNobody is there to be asked: use --yes where somebody was.", file=sys.stderr)
        return False


if __name__ == "__main__":
    sys.exit(main())
