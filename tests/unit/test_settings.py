"""A stage whose settings are not whole does not start, and says which one is missing or wrong."""

import subprocess
import sys
from collections.abc import Mapping

import pytest

from chalicelib.settings import Settings, SettingsError, read_settings
from infra.paths import ROOT
from infra.stages import environment_of

WHOLE = environment_of("dev")
REQUIRED = [f"VESTNIK_{name.upper()}" for name, field in Settings.model_fields.items() if field.is_required()]
WORKERS = sorted(path.stem for path in (ROOT / "functions").glob("[a-z]*.py"))
# Every worker is started and gets an empty batch; what stops it is printed.
PROGRAM = """
import importlib, sys
for worker in sys.argv[1:]:
    try:
        importlib.import_module(f"functions.{worker}").handler({"Records": []}, None)
    except RuntimeError as error:
        print(worker, type(error).__name__, "VESTNIK_MAIL_FROM: Field required" in str(error))
"""


def without(name: str) -> Mapping[str, str]:
    return {variable: value for variable, value in WHOLE.items() if variable != name}


@pytest.mark.parametrize("name", REQUIRED)
def test_a_missing_setting_is_named(name: str) -> None:
    with pytest.raises(SettingsError, match=f"not complete: {name}: Field required"):
        read_settings(without(name))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("VESTNIK_STAGE", "Production!"),
        ("VESTNIK_PUBLIC_URL", "notify.cinema.example"),
        ("VESTNIK_LIVE_URL", "https://live.cinema.example"),
        ("VESTNIK_SES_PER_SECOND", "0"),
        ("VESTNIK_BULK_SHARE", "1.5"),
        ("VESTNIK_PROFILES_URL", "http://users.cinema.example/batch"),
        ("VESTNIK_PROFILES_URL", "https://me:secret@users.cinema.example/batch"),
    ],
)
def test_a_wrong_setting_is_named(name: str, wrong: str) -> None:
    with pytest.raises(SettingsError, match=name):
        read_settings({**WHOLE, name: wrong})


def test_every_mistake_is_told_at_once() -> None:
    with pytest.raises(SettingsError) as told:
        read_settings({})
    assert [name for name in REQUIRED if name not in str(told.value)] == []


def test_every_worker_stops_at_its_first_start_and_says_why() -> None:
    environment = {**without("VESTNIK_MAIL_FROM"), "AWS_DEFAULT_REGION": "eu-central-1"}
    command = [sys.executable, "-c", PROGRAM, *WORKERS]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{worker} SettingsError True" for worker in WORKERS]
