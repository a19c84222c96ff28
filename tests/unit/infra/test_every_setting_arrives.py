"""Each documented setting of a stage arrives in every function."""

import copy
import json
import re
from pathlib import Path

import pytest

from infra import config_mistakes
from infra.resolved import resolve
from infra.stages import WorkerTimings, environment_of, template_parameters
from infra.template_build import built_template
from tests.other_values import other_values
from tools.settings_docs import PAGE

STAGE = "prod"
DOCUMENTED = re.findall(r"^\| `(VESTNIK_[A-Z_]+|LOG_LEVEL)` ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a stage says that wants everything otherwise."""
    file = copy.deepcopy(config_mistakes.parsed())
    file["stages"][STAGE]["environment_variables"] |= other_values()
    for policy in config_mistakes.CONFIG.parent.glob("policy*.json"):
        (tmp_path / policy.name).touch()
    monkeypatch.setattr(config_mistakes, "CONFIG", tmp_path / "config.json")
    config_mistakes.CONFIG.write_text(json.dumps(file))
    return {**other_values(), "VESTNIK_STAGE": STAGE}


def test_every_documented_setting_can_be_set_otherwise(stated: dict[str, str]) -> None:
    assert set(DOCUMENTED) == set(stated)
    assert environment_of(STAGE).items() >= stated.items()


def test_it_arrives_in_every_worker(stated: dict[str, str]) -> None:
    parameters = template_parameters(environment_of(STAGE), WorkerTimings())
    resources = resolve(json.loads(built_template(STAGE)), parameters)
    functions = {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
    variables = {name: one["Properties"]["Environment"]["Variables"] for name, one in functions.items()}
    assert len(variables) == len(list(Path("functions").glob("[a-z]*.py")))
    assert {
        name: set(stated.items()) - set(has.items()) for name, has in variables.items() if stated.items() - has.items()
    } == {}
