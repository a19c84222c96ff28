"""Production's releases, on the template that is deployed: what no emulator can show."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from infra.releases import with_releases
from infra.stages import WorkerTimings, environment_of, stage_config, template_parameters
from infra.template_build import built_template

STAGE = "prod"
UPLOADED = {"ArtifactBucket": "artifacts", "WorkersKey": "workers", "LayerKey": "layer", "Runtime": "python3.13"}


def built() -> dict[str, Any]:
    template: dict[str, Any] = json.loads(built_template(STAGE))
    return template


@pytest.fixture(scope="module")
def template() -> dict[str, Any]:
    parameters = {**template_parameters(environment_of(STAGE), WorkerTimings()), **UPLOADED}
    return with_releases(built(), parameters, stage=STAGE, canary=stage_config(STAGE).canary)


def of_type(template: dict[str, Any], kind: str) -> dict[str, Any]:
    return {name: one for name, one in template["Resources"].items() if one["Type"] == kind}


def test_every_function_of_production_has_its_version_its_alias_and_its_way_back(template: dict[str, Any]) -> None:
    functions = of_type(template, "AWS::Lambda::Function")
    assert functions
    for kind in ("AWS::Lambda::Version", "AWS::Lambda::Alias", "AWS::CodeDeploy::DeploymentGroup"):
        assert len(of_type(template, kind)) == len(functions)
    added = len(template["Resources"]) - len(built()["Resources"])
    assert added == 3 * len(functions) + 2  # no logical id of theirs was taken


def test_a_release_comes_back_on_alarms_that_there_are(template: dict[str, Any]) -> None:
    alarms = {one["Properties"]["AlarmName"] for one in of_type(template, "AWS::CloudWatch::Alarm").values()}
    for group in of_type(template, "AWS::CodeDeploy::DeploymentGroup").values():
        asked = [one["Name"] for one in group["Properties"]["AlarmConfiguration"]["Alarms"]]
        assert 1 <= len(asked) <= 10  # AWS, "CodeDeploy quotas"
        assert set(asked) <= alarms


def test_nothing_calls_a_function_past_its_alias(template: dict[str, Any]) -> None:
    own = ("AWS::Lambda::Alias", "AWS::Lambda::Version")
    functions = of_type(template, "AWS::Lambda::Function")
    for name, resource in template["Resources"].items():
        if resource["Type"] in own:
            continue
        text = json.dumps(resource)
        for function in functions:
            assert f'["{function}", "Arn"]' not in text, name
            assert f'{{"Ref": "{function}"}}' not in text, name
            assert f"${{{function}.Arn}}" not in text, name


def test_a_worker_may_steer_the_mappings_of_its_alias(template: dict[str, Any]) -> None:
    text = json.dumps(of_type(template, "AWS::IAM::Role"))
    for worker in ("enrich", "deliver"):
        assert re.search(rf'function:vestnik-prod-{worker}"}}, {{"Fn::Sub": "[^"]*vestnik-prod-{worker}:live"', text)


def test_the_stack_has_room_for_what_releases_add(template: dict[str, Any]) -> None:
    assert len(template["Resources"]) <= 450  # of 500 (AWS, "CloudFormation quotas")


def test_the_linter_of_cloudformation_agrees(template: dict[str, Any], tmp_path: Path) -> None:
    written = tmp_path / "released.json"
    written.write_text(json.dumps(template, indent=1))
    linter = Path(sys.executable).with_name("cfn-lint")
    said = subprocess.run([linter, written], capture_output=True, text=True, check=False)
    assert (said.stdout, said.returncode) == ("", 0)


@pytest.mark.parametrize("stage", ["local", "dev"])
def test_where_releases_are_tried_there_is_none_to_wait_for(stage: str) -> None:
    assert stage_config(stage).canary is None
