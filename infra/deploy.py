"""Brings a stage to this checkout: first the infra stack, then the app. Run by `make deploy`; the local cloud
calls its parts.

python -m infra.deploy --stage dev
"""

import argparse
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from chalicelib.control.signing import new_signing_key, parameter_name
from infra.account import Account
from infra.archive import Artifact
from infra.chalice_app import ADDRESSES, PackagedApp
from infra.package import workers_zip
from infra.paths import ROOT, TEMPLATE
from infra.stacks import DeployError, deploy_stack
from infra.stages import WorkerTimings, environment_of, template_parameters
from layers.build import PYTHON, build_layer


def deploy_infra(
    account: Account,
    *,
    environment: Mapping[str, str],
    timings: WorkerTimings,
    workers: Artifact,
    layer: Artifact | None,
    ses_endpoint: str = "",
) -> bool:
    """Brings the stack `vestnik-<stage>-infra` to `template.yaml`; answers whether it changed. Raises: DeployError."""
    stage = environment["VESTNIK_STAGE"]
    bucket = account.artifact_bucket(stage)
    ensure_signing_key(account, stage)
    name, template = f"vestnik-{stage}-infra", TEMPLATE.read_text()
    return deploy_stack(
        account.cloudformation,
        name,
        template=template,
        template_url=account.upload_text(bucket, name, template),
        parameters={
            **template_parameters(environment, timings),
            "Runtime": f"python{PYTHON}",
            "ArtifactBucket": bucket,
            "WorkersKey": account.upload(bucket, workers),
            "LayerKey": account.upload(bucket, layer) if layer else "",
            "SesEndpoint": ses_endpoint,
        },
    )


def ensure_signing_key(account: Account, stage: str) -> None:
    """Makes the stage's signing key when there is none; one that is there is never touched, and never read."""
    with suppress(account.ssm.exceptions.ParameterAlreadyExists):
        account.ssm.put_parameter(
            Name=parameter_name(stage),
            Description="Signs the links in letters: docs/links-and-preferences.md",
            Value=new_signing_key(),
            Type="SecureString",
            Overwrite=False,
        )


def deploy_packaged_app(account: Account, app: PackagedApp, *, environment: Mapping[str, str]) -> bool:
    """Brings the stack `vestnik-<stage>-app` to the packaged app; answers whether it changed. Raises: DeployError.

    A changed app replaces the stack: the emulator makes the new API before it deletes the old one, and two cannot have
    the one pinned id. Nothing is lost, the app's stack holds no data."""
    stage = environment["VESTNIK_STAGE"]
    bucket = account.artifact_bucket(stage)
    name = f"vestnik-{stage}-app"
    return deploy_stack(
        account.cloudformation,
        name,
        template=app.template,
        template_url=account.upload_text(bucket, name, app.template),
        parameters={
            **{parameter: environment.get(variable, "") for variable, parameter in ADDRESSES.items()},
            "ArtifactBucket": bucket,
            "AppKey": account.upload(bucket, app.code),
        },
        replace=True,
    )


def main() -> int:
    """On AWS, with the credentials and the region of the environment."""
    parser = argparse.ArgumentParser(description="Deploy the workers' stack, then the app, to AWS.")
    parser.add_argument("--stage", required=True, choices=["dev", "prod"])
    stage: str = parser.parse_args().stage
    try:
        changed = deploy_infra(
            Account(),
            environment=environment_of(stage),
            timings=WorkerTimings(),
            workers=workers_zip(),
            layer=build_layer(),
        )
    except DeployError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"vestnik-{stage}-infra: {'deployed' if changed else 'is already so'}")
    chalice = Path(sys.executable).with_name("chalice")
    return subprocess.run([chalice, "deploy", "--stage", stage], cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
