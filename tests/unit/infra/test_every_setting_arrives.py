"""Each documented setting of a stage arrives in every function."""

import json
import re
from pathlib import Path

import pytest

from infra import config_mistakes
from infra.addresses import Addresses
from infra.app_template import FUNCTIONS, AppInputs, app_template
from infra.chalice_app import packaged_template
from infra.resolved import resolve
from infra.runtimes import Runtime
from infra.stages import WorkerTimings, environment_of, template_parameters
from infra.template_build import built_template
from tests.other_values import other_values, write_otherwise
from tools.settings_docs import PAGE

STAGE = "prod"
DOCUMENTED = re.findall(r"^\| `(VESTNIK_[A-Z_]+|LOG_LEVEL)` ", PAGE.read_text(encoding="utf-8"), re.MULTILINE)


@pytest.fixture
def stated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a stage says that wants everything otherwise."""
    own = {"public_pages": {"environment_variables": {"VESTNIK_SITE_NAME": "Its Own"}}}
    monkeypatch.setattr(config_mistakes, "CONFIG", write_otherwise(tmp_path, STAGE, other_values(), own))
    return {**other_values(), "VESTNIK_STAGE": STAGE}


def test_every_documented_setting_can_be_set_otherwise(stated: dict[str, str]) -> None:
    assert set(DOCUMENTED) == set(stated)
    assert environment_of(STAGE).items() >= stated.items()


def test_it_arrives_in_every_function_of_the_app(stated: dict[str, str]) -> None:
    inputs = AppInputs.of_stage(
        environment_of(STAGE),
        addresses=Addresses(),
        runtime=Runtime(),
        bucket="any",
        code_key="any.zip",
    )
    resources = app_template(packaged_template(STAGE), inputs)["Resources"]
    has = {name: resources[name]["Properties"]["Environment"]["Variables"] for name in FUNCTIONS}
    assert has["PublicPages"].pop("VESTNIK_SITE_NAME") == "Its Own"
    has["PublicPages"]["VESTNIK_SITE_NAME"] = stated["VESTNIK_SITE_NAME"]
    assert {name: stated.items() - one.items() for name, one in has.items()} == {name: set() for name in FUNCTIONS}


def test_it_arrives_in_every_worker(stated: dict[str, str]) -> None:
    parameters = template_parameters(environment_of(STAGE), WorkerTimings())
    resources = resolve(json.loads(built_template(STAGE)), parameters)
    functions = {name: one for name, one in resources.items() if one["Type"] == "AWS::Lambda::Function"}
    variables = {name: one["Properties"]["Environment"]["Variables"] for name, one in functions.items()}
    assert len(variables) == len(list(Path("functions").glob("[a-z]*.py")))
    assert {
        name: set(stated.items()) - set(has.items()) for name, has in variables.items() if stated.items() - has.items()
    } == {}
