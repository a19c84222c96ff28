"""Production's releases, on the template that is deployed: what no emulator can show."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.addresses import Addresses
from infra.app_template import AppInputs, app_template
from infra.chalice_app import packaged_template
from infra.guard import refusals
from infra.releases import with_releases
from infra.resolved import resolve
from infra.runtimes import Runtime
from infra.stages import WorkerTimings, environment_of, stage_config, template_parameters
from infra.template_build import built_template

STAGE = "prod"
UPLOADED = {
    "ArtifactBucket": "artifacts",
    "WorkersKey": "workers",
    "LayerKey": "layer",
    "PicturesLayerKey": "pictures",
    "Runtime": "python3.13",
}


def built() -> dict[str, Any]:
    template: dict[str, Any] = json.loads(built_template(STAGE))
    return template


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    parameters = {**template_parameters(environment_of(STAGE), WorkerTimings()), **UPLOADED}
    return with_releases(built(), parameters, stage=STAGE, canary=stage_config(STAGE).canary)


@pytest.fixture(scope="module")
def app() -> dict[str, Any]:
    inputs = AppInputs.of_stage(
        environment_of(STAGE),
        addresses=Addresses(),
        runtime=Runtime(),
        bucket="vestnik-prod-artifacts",
        code_key="app.zip",
        layer_key="layer.zip",
    )
    made = app_template(packaged_template(STAGE), inputs)
    return with_releases(made, {}, stage=STAGE, canary=stage_config(STAGE).canary)


@pytest.fixture(params=["template", "app"])
def either(request: pytest.FixtureRequest) -> dict[str, Any]:
    made: dict[str, Any] = request.getfixturevalue(request.param)
    return made


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def test_every_function_of_production_has_its_version_its_alias_and_its_way_back(either: dict[str, Any]) -> None:
    functions = of_type(either, "AWS::Lambda::Function")
    assert functions
    for kind in ("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::CodeDeploy::DeploymentGroup"):
        assert len(of_type(either, kind)) == len(functions)


def test_no_logical_id_that_a_release_adds_was_taken(template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    added = len(template["Resources"]) - len(built()["Resources"])
    assert added == 3 * len(functions) + 2


def test_a_release_comes_back_on_alarms_that_there_are(template: dict[str, Any], app: dict[str, Any]) -> None:
    alarms = {one["Properties"]["AlarmName"] for one in of_type(template, "AWS::CloudWatch::Alarm").values()}
    groups = {
        **of_type(template, "AWS::CodeDeploy::DeploymentGroup"),
        **of_type(app, "AWS::CodeDeploy::DeploymentGroup"),
    }
    for name, group in groups.items():
        asked = [one["Name"] for one in group["Properties"]["AlarmConfiguration"].get("Alarms", [])]
        assert bool(asked) is not name.startswith("Websocket")  # their functions have no alarm of their own
        assert len(asked) <= 10  # AWS, "CodeDeploy quotas"
        assert set(asked) <= alarms


def test_nothing_calls_a_function_past_its_alias(either: dict[str, Any]) -> None:
    own = ("AWS::Lambda::Alias", "AWS::Lambda::Version", "AWS::Lambda::Function")
    functions = of_type(either, "AWS::Lambda::Function")
    for name, resource in either["Resources"].items():
        if resource["Type"] in own:
            continue
        text = json.dumps(resource)
        assert not re.search(r":function:(vestnik-[\w-]+|\$\{\w+\})/invocations", text), name
        for function in functions:
            assert f'["{function}", "Arn"]' not in text, name
            assert f"${{{function}.Arn}}" not in text, name
            if resource["Type"] != "AWS::ApiGatewayV2::Integration":  # builds the alias's ARN out of the name
                assert f'{{"Ref": "{function}"}}' not in text, name


def test_what_a_release_changes_is_not_taken_for_a_loss(either: dict[str, Any]) -> None:
    """The next release of the same stage: other code, so other versions and another deployment of the API."""
    before = resolve(either, {"Stage": STAGE, **UPLOADED})
    text = re.sub(r"(Version|RestAPIDeployment)[0-9a-f]{10,}", r"\g<1>0123456789", json.dumps(either))
    after = resolve(json.loads(text), {"Stage": STAGE, **UPLOADED, "WorkersKey": "others"})
    assert before.keys() != after.keys()
    assert refusals(before, after, allowed=()) == []


def test_a_worker_may_steer_the_mappings_of_its_alias(template: dict[str, Any]) -> None:
    text = json.dumps(of_type(template, "AWS::IAM::Role"))
    for worker in ("enrich", "deliver"):
        assert re.search(rf'function:vestnik-prod-{worker}"}}, {{"Fn::Sub": "[^"]*vestnik-prod-{worker}:live"', text)


def test_the_stack_has_room_for_what_releases_add(template: dict[str, Any]) -> None:
    assert len(template["Resources"]) <= 450  # of 500 (AWS, "CloudFormation quotas")


def test_the_linter_of_cloudformation_agrees(either: dict[str, Any], tmp_path: Path) -> None:
    written = tmp_path / "released.json"
    written.write_text(json.dumps(either, indent=1))
    linter = Path(sys.executable).with_name("cfn-lint")
    # As in `make lint`: a template without the artifacts' names has empty defaults.
    said = subprocess.run([linter, written, "--ignore-checks", "W1030"], capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_where_releases_are_tried_there_is_none_to_wait_for(stage: str) -> None:
    assert stage_config(stage).canary is None
