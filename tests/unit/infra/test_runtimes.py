import json
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import SettingsError
from infra import config_mistakes
from infra.runtimes import Runtime, runtime_of, this_machines
from infra.settings_checkup import elsewhere

COMMITTED = config_mistakes.parsed()
POLICIES = list(config_mistakes.CONFIG.parent.glob("policy*.json"))


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes more of the stage `dev` into `.chalice/config.json`."""
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.setattr(config_mistakes, "CONFIG", tmp_path / "config.json")
    for policy in POLICIES:
        (tmp_path / policy.name).touch()

    def write(of_stage: dict[str, Any], **of_all: Any) -> None:
        file = {**COMMITTED, **of_all, "stages": {"dev": {**COMMITTED["stages"]["dev"], **of_stage}}}
        (tmp_path / "config.json").write_text(json.dumps(file))

    return write


def test_a_stage_that_names_no_python_runs_on_313(written: Any) -> None:
    written({})
    assert runtime_of("dev") == Runtime("3.13", "x86_64")


def test_a_stage_may_name_its_python_and_its_architecture(written: Any) -> None:
    written({"python": "3.12", "lambda_architecture": "arm64"})
    assert (runtime_of("dev").name, runtime_of("dev").platform) == ("python3.12", "aarch64-manylinux_2_34")


def test_what_holds_for_every_stage_holds_for_this_one_as_it_does_for_chalice(written: Any) -> None:
    written({}, lambda_architecture="arm64")
    assert runtime_of("dev").architecture == "arm64"


@pytest.mark.parametrize(
    "wrong",
    [
        {"python": "3.11"},
        {"python": "3.14"},
        {"python": "python3.13"},
        {"python": 3.13},
        {"python": None},
        {"lambda_architecture": "aarch64"},
        {"lambda_architecture": ["arm64"]},
    ],
    ids=str,
)
def test_what_vestnik_does_not_run_on_is_refused_by_name(written: Any, wrong: dict[str, Any]) -> None:
    written(wrong)
    [key] = wrong
    with pytest.raises(SettingsError, match=key) as refused:
        runtime_of("dev")
    assert "'3.12' or '3.13'" in str(refused.value) or "'x86_64' or 'arm64'" in str(refused.value)


def test_an_emulator_runs_functions_by_the_python_that_is_here(written: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    written({"python": "3.12"})
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    assert runtime_of("dev") == this_machines()


def test_the_doctor_tells_of_a_function_that_runs_on_something_else() -> None:
    stage = Runtime("3.13", "arm64")
    assert list(elsewhere({"Runtime": "python3.13", "Architectures": ["arm64"]}, stage)) == []
    assert list(elsewhere({"Runtime": "python3.11"}, stage)) == [
        "it runs on python3.11, and the stage says python3.13",
        "it runs on x86_64, and the stage says arm64",
    ]
