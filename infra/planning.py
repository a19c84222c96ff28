"""A stage's two stacks, ready to be planned: their templates with everything that they refer to uploaded. Only the
bucket of artifacts is touched."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypedDict

from infra.account import Account
from infra.addresses import Addresses
from infra.app_template import AppInputs, app_template
from infra.archive import Artifact
from infra.boundary import bounded
from infra.chalice_app import packaged_template
from infra.outer import outer_resources
from infra.package import artifacts, artifacts_in
from infra.releases import released
from infra.runtimes import Runtime, runtime_of
from infra.stages import WorkerTimings, stage_config, template_parameters
from infra.template_build import built_template


@dataclass(frozen=True)
class Release:
    """What is deployed. `packaged` is Chalice's template; the layers are None where the runtime has the
    dependencies."""

    workers: Artifact
    app: Artifact
    packaged: Mapping[str, Any]
    runtime: Runtime
    layer: Artifact | None = None
    pictures: Artifact | None = None
    at_once: bool = False  # all traffic moves in one step, and no alarm is asked


class StackInputs(TypedDict):
    """What `plan_stack` needs of a stack."""

    name: str
    template: str
    template_url: str
    parameters: Mapping[str, str]


def release_of(stage: str, *, at_once: bool = False, built: Path | None = None) -> Release:
    """Of this checkout; artifacts are made here unless `built` before. Raises: SettingsError, PackagingError,
    ForeignError, subprocess.CalledProcessError."""
    runtime, packaged = runtime_of(stage), packaged_template(stage)
    made = artifacts_in(built, runtime) if built else artifacts(runtime)
    layer, pictures = (made.layer, made.pictures) if stage_config(stage).automatic_layer else (None, None)
    return Release(made.workers, made.app, packaged, runtime, layer, pictures, at_once)


def infra_stack(
    account: Account, release: Release, *, environment: Mapping[str, str], timings: WorkerTimings
) -> StackInputs:
    """`vestnik-<stage>-infra`: tables, queues, workers. Raises: ClientError."""
    stage = environment["VESTNIK_STAGE"]
    bucket = account.artifact_bucket(stage)
    parameters = {
        **template_parameters(environment, timings),
        "Runtime": release.runtime.name,
        "Architecture": release.runtime.architecture,
        "ArtifactBucket": bucket,
        "WorkersKey": account.upload(bucket, release.workers),
        "LayerKey": account.upload(bucket, release.layer) if release.layer else "",
        "PicturesLayerKey": account.upload(bucket, release.pictures) if release.pictures else "",
    }
    name = f"vestnik-{stage}-infra"
    template = released(built_template(stage), parameters, stage=stage, at_once=release.at_once)
    template = bounded(template, stage_config(stage).permissions_boundary)
    url = account.upload_text(bucket, name, template)
    return StackInputs(name=name, template=template, template_url=url, parameters=parameters)


def app_stack(
    account: Account,
    release: Release,
    *,
    environment: Mapping[str, str],
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = dict,
) -> StackInputs:
    """`vestnik-<stage>-app`: both APIs and their functions. `adapt` is for an emulator with needs of its own. Raises:
    ClientError."""
    stage = environment["VESTNIK_STAGE"]
    bucket = account.artifact_bucket(stage)
    inputs = AppInputs.of_stage(
        environment,
        addresses=Addresses(account.emulator_url),
        runtime=release.runtime,
        bucket=bucket,
        code_key=account.upload(bucket, release.app),
        layer_key=account.upload(bucket, release.layer) if release.layer else "",
    )
    template = app_text(release.packaged, inputs, adapt=adapt, at_once=release.at_once)
    name = f"vestnik-{stage}-app"
    url = account.upload_text(bucket, name, template)
    return StackInputs(name=name, template=template, template_url=url, parameters={})


def app_text(
    packaged: Mapping[str, Any],
    inputs: AppInputs,
    *,
    adapt: Callable[[dict[str, Any]], dict[str, Any]] = dict,
    at_once: bool = False,
) -> str:
    """The app's whole template, with the stage's domain, releases and boundary."""
    made = app_template(packaged, inputs)
    made["Resources"] |= outer_resources(inputs.stage, stage_config(inputs.stage))
    text = json.dumps(adapt(made), sort_keys=True, indent=1)
    text = released(text, {}, stage=inputs.stage, at_once=at_once)
    return bounded(text, stage_config(inputs.stage).permissions_boundary)
