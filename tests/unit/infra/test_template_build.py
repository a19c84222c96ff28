"""The infra stack is plain CloudFormation, whoever builds it and wherever."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.paths import ROOT, TEMPLATE
from infra.template_build import TemplateError, built_template, plain_template

# Each with its type, as a deployed stack has them: one that is missing here or has another type is made again there.
DEPLOYED = ROOT / "tests" / "contract" / "stack_resources.txt"
STAGE = "prod"
MOST_BYTES = 1_000_000  # AWS, "CloudFormation quotas": a template in S3
ENVIRONMENT_BYTES = 4_096  # AWS, "Lambda quotas": names and values


@pytest.fixture(scope="module")
def built() -> dict[str, Any]:
    made: dict[str, Any] = json.loads(built_template(STAGE))
    return made


def test_nothing_is_left_for_cloudformation_to_transform(built: dict[str, Any]) -> None:
    text = json.dumps(built)
    assert not {"Transform", "Globals", "Mappings"} & set(built)
    assert not [word for word in ("Fn::ForEach", "Fn::FindInMap", "AWS::Serverless") if word in text]
    assert len(built_template(STAGE).encode()) < MOST_BYTES


def test_a_stack_that_is_deployed_is_updated_and_nothing_of_it_is_made_anew(built: dict[str, Any]) -> None:
    made = {name: resource["Type"] for name, resource in built["Resources"].items()}
    deployed = dict(line.split() for line in DEPLOYED.read_text().splitlines())
    assert {name: made.get(name) for name in deployed} == deployed


def test_what_is_named_after_the_stage_has_a_name_that_is_written_out(built: dict[str, Any]) -> None:
    names = {name: r["Properties"]["TableName"] for name, r in built["Resources"].items() if "::Table" in r["Type"]}
    assert len(names) > 20
    assert all(re.fullmatch("vestnik-prod-[a-z-]+", name) for name in names.values())
    assert "${Stage}" not in json.dumps(built["Resources"])


@pytest.mark.usefixtures("own_environment")
def test_it_is_the_same_in_every_region_and_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_CONFIG_FILE", "/nowhere")
    assert plain_template(TEMPLATE, STAGE) == json.loads(built_template(STAGE))


def test_what_stands_in_a_parameter_stays_a_parameter(built: dict[str, Any], tmp_path: Path) -> None:
    """SAM knows the defaults, and must not write them in."""
    text = TEMPLATE.read_text()
    changed = tmp_path / "template.yaml"
    changed.write_text(text.replace("Default: PassThrough", "Default: Active").replace('Default: ""', "Default: x"))
    assert changed.read_text() != text
    assert plain_template(changed, STAGE)["Resources"] == built["Resources"]


def test_a_loop_that_cannot_be_written_out_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "template.yaml"
    broken.write_text(TEMPLATE.read_text().replace("    - Queue\n    - [", "    - [", 1))
    with pytest.raises(TemplateError, match=r"template\.yaml:\d+: .*Fn::ForEach"):
        plain_template(broken, STAGE)


def test_the_variables_of_a_function_leave_room_in_what_lambda_takes(built: dict[str, Any]) -> None:
    names = built["Resources"]["Enrich"]["Properties"]["Environment"]["Variables"]
    assert sum(len(name) + 40 for name in names) < ENVIRONMENT_BYTES
