"""A stage's file is read strictly: a mistake in it is told, with its place, before anything is built."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import SettingsError
from infra import config_mistakes
from infra.stages import environment_of, stage_config, stage_names
from infra.variables import fields

COMMITTED = config_mistakes.parsed()
POLICIES = config_mistakes.CONFIG.parent
OF_PROD = "stages/prod/environment_variables"
OF_PAGES = "stages/prod/lambda_functions/public_pages"
Write = Callable[[dict[str, Any]], int]


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Puts another file in the place of the committed one."""
    place = tmp_path / "config.json"
    monkeypatch.setattr(config_mistakes, "CONFIG", place)
    for policy in POLICIES.glob("policy*.json"):
        (tmp_path / policy.name).touch()
    return lambda file: place.write_text(json.dumps(file))


def with_values(place: str, values: dict[str, Any]) -> dict[str, Any]:
    """The committed file with some values at a place, such as `stages/prod`; None takes one out."""
    file = copy.deepcopy(COMMITTED)
    node = file
    for step in filter(None, place.split("/")):
        node = node.setdefault(step, {})
    node.update(values)
    for name in [name for name, value in values.items() if value is None]:
        del node[name]
    return file


@pytest.mark.parametrize("stage", stage_names())
def test_a_committed_stage_is_whole(stage: str) -> None:
    assert set(environment_of(stage)) >= {name for name in fields() if not name.startswith("AWS_")}


@pytest.mark.parametrize(
    ("place", "values", "told"),
    [
        (
            "environment_variables",
            {"VESTNIK_SITE_NAM": "x"},
            "VESTNIK_SITE_NAM: nothing reads it; did you mean VESTNIK_SITE_NAME?",
        ),
        (
            OF_PROD,
            {"VESTNIK_SES_PER_SECONDS": "9"},
            "stages.prod.environment_variables.VESTNIK_SES_PER_SECONDS: nothing reads it; did you mean VESTNIK_SES_P",
        ),
        (OF_PROD, {"SES_PER_SECOND": "9"}, "SES_PER_SECOND: nothing reads it; did you mean VESTNIK_SES_PER_SECOND?"),
        (OF_PROD, {"vestnik_site_name": "x"}, "vestnik_site_name: nothing reads it; did you mean VESTNIK_SITE_NAME?"),
        (OF_PROD, {"DEBUG": "1"}, "environment_variables.DEBUG: nothing reads it"),
        (OF_PROD, {"VESTNIK_STAGE ": "prod"}, "nothing reads it; did you mean VESTNIK_STAGE?"),
        (
            f"{OF_PAGES}/environment_variables",
            {"VESTNIK_LIVE_DEMOS": "true"},
            "public_pages.environment_variables.VESTNIK_LIVE_DEMOS: nothing reads it; did you mean VESTN",
        ),
        (
            f"{OF_PAGES}/environment_variables",
            {"VESTNIK_LIVE_DEMO": "perhaps"},
            "public_pages.environment_variables: VESTNIK_LIVE_DEMO: Input should be a valid boolean",
        ),
        ("", {"app_nam": "x"}, "app_nam: nothing reads it; did you mean app_name?"),
        ("", {"app_name": "other"}, "app_name: Input should be 'vestnik'"),
        ("", {"lambda_functions": {}}, "lambda_functions: nothing reads it"),
        (
            "stages/prod",
            {"alarm_emial": "a@b.example"},
            "stages.prod.alarm_emial: nothing reads it; did you mean alarm_email?",
        ),
        ("stages/prod", {"alarm_email": "olga"}, "stages.prod.alarm_email: expected something like ops@cinema.example"),
        (
            "stages/prod",
            {"requests_per_second": "500"},
            "stages.prod.requests_per_second: Input should be a valid integer",
        ),
        (
            "stages/prod",
            {"requests_per_second": 0},
            "stages.prod.requests_per_second: Input should be greater than or equal to 1",
        ),
        ("stages/prod", {"requests_per_second": None}, "stages.prod.requests_per_second: Field required"),
        ("stages/prod", {"automatic_layer": "true"}, "stages.prod.automatic_layer: Input should be a valid boolean"),
        (
            "stages/prod",
            {"iam_policy_file": "policy-prd.json"},
            "stages.prod.iam_policy_file: there is no file .chalice/policy-prd.json",
        ),
        (
            "stages/prod/lambda_functions",
            {"public_page": {}},
            "lambda_functions.public_page: nothing reads it; did you mean public_pages?",
        ),
        (OF_PAGES, {"reserved": 5}, "public_pages.reserved: nothing reads it"),
        (
            OF_PROD,
            {"VESTNIK_MAX_ATTEMPTS": 8},
            "environment_variables.VESTNIK_MAX_ATTEMPTS: Input should be a valid string",
        ),
        (OF_PROD, {"VESTNIK_MAX_ATTEMPTS": "many"}, "VESTNIK_MAX_ATTEMPTS: Input should be a valid integer"),
        (OF_PROD, {"VESTNIK_MAX_ATTEMPTS": ""}, "VESTNIK_MAX_ATTEMPTS: Input should be a valid integer"),
        (OF_PROD, {"VESTNIK_SES_PER_SECOND": "1_000"}, "VESTNIK_SES_PER_SECOND: expected a plain number"),
        (OF_PROD, {"VESTNIK_SES_PER_SECOND": "inf"}, "VESTNIK_SES_PER_SECOND: Input should be a finite number"),
        (
            OF_PROD,
            {"VESTNIK_PUBLIC_URL": "https://notify.cinema.example/"},
            "VESTNIK_PUBLIC_URL: expected something like https://notify.cinema.example",
        ),
        (OF_PROD, {"VESTNIK_PUBLIC_URL": "http://notify.cinema.example"}, "VESTNIK_PUBLIC_URL: expected https://"),
        (OF_PROD, {"VESTNIK_LIVE_URL": "ws://live.cinema.example"}, "VESTNIK_LIVE_URL: expected wss://"),
        (
            OF_PROD,
            {"VESTNIK_MAIL_FROM": "Cinema"},
            "VESTNIK_MAIL_FROM: expected something like Cinema <news@cinema.example>",
        ),
        (
            OF_PROD,
            {"VESTNIK_MAIL_FROM": "a@cinema.example, b@cinema.example"},
            "VESTNIK_MAIL_FROM: expected something like",
        ),
        (OF_PROD, {"VESTNIK_STAGE": "production"}, "VESTNIK_STAGE: expected prod"),
        (OF_PROD, {"VESTNIK_STAGE": None}, "VESTNIK_STAGE: Field required"),
        (OF_PROD, {"POWERTOOLS_SERVICE_NAME": "vestnik"}, "POWERTOOLS_SERVICE_NAME: expected vestnik-prod"),
        (OF_PROD, {"POWERTOOLS_METRICS_NAMESPACE": "Other"}, "POWERTOOLS_METRICS_NAMESPACE: Input should be 'Vestnik'"),
        (OF_PROD, {"LOG_LEVEL": "LOUD"}, "LOG_LEVEL: Input should be 'DEBUG'"),
        (OF_PROD, {"VESTNIK_DEFAULT_TIMEZONE": "Europe/Moskow"}, "there is no such zone; did you mean Europe/Moscow?"),
        (OF_PROD, {"VESTNIK_LIVE_ORIGINS": "https://a.example " * 200}, "Lambda takes 4096"),
        (OF_PROD, {"VESTNIK_LEASE_SECONDS": "5"}, "VESTNIK_LEASE_SECONDS: expected at least 30"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_is_meant(
    write: Write, place: str, values: dict[str, Any], told: str
) -> None:
    write(with_values(place, values))
    with pytest.raises(SettingsError) as refused:
        environment_of("prod")
    assert told in str(refused.value)


def test_every_mistake_is_told_at_once_and_no_value(write: Write) -> None:
    secret = "http://me:s3cret@users.cinema.example"
    write(with_values(OF_PROD, {"VESTNIK_PROFILES_URL": secret, "VESTNIK_NOTHING": "1", "LOG_LEVEL": "LOUD"}))
    with pytest.raises(SettingsError) as refused:
        environment_of("prod")
    assert [name for name in ("PROFILES_URL", "VESTNIK_NOTHING", "LOG_LEVEL") if name not in str(refused.value)] == []
    assert "s3cret" not in str(refused.value)


def test_a_mistake_in_another_stage_stops_nobody(write: Write) -> None:
    write(with_values("stages/dev", {"alarm_emial": "a@b.example"}))
    assert environment_of("prod")["VESTNIK_STAGE"] == "prod"


def test_a_key_that_stands_twice_is_refused(write: Write) -> None:
    write(COMMITTED)
    place = config_mistakes.CONFIG
    place.write_text(place.read_text().replace('"LOG_LEVEL"', '"LOG_LEVEL": "DEBUG", "LOG_LEVEL"', 1))
    with pytest.raises(SettingsError, match="LOG_LEVEL stands twice"):
        environment_of("prod")


def test_a_file_that_is_no_json_is_told_with_the_line(write: Write) -> None:
    write(COMMITTED)
    config_mistakes.CONFIG.write_text('{"version": "2.0",\n')
    with pytest.raises(SystemExit, match=r"config\.json: .*line 2"):
        stage_names()


@pytest.mark.parametrize("text", ["[]", "{}", '{"stages": []}', '{"stages": {"prod": []}}'])
def test_a_file_without_stages_is_told(write: Write, text: str) -> None:
    write(COMMITTED)
    config_mistakes.CONFIG.write_text(text)
    with pytest.raises(SystemExit, match="expected an object whose `stages` are objects"):
        stage_names()


def test_a_stage_overrides_what_the_file_says_of_all(write: Write) -> None:
    write(with_values(OF_PROD, {"VESTNIK_SITE_NAME": "Another"}))
    assert environment_of("prod")["VESTNIK_SITE_NAME"] == "Another"
    assert stage_config("prod").lambda_memory_size == 1024
    assert stage_config("dev").lambda_memory_size == 512


def test_a_stage_may_leave_its_addresses_open(write: Write) -> None:
    write(with_values(OF_PROD, {"VESTNIK_PUBLIC_URL": "", "VESTNIK_LIVE_URL": None}))
    assert [environment_of("prod")[name] for name in ("VESTNIK_PUBLIC_URL", "VESTNIK_LIVE_URL")] == ["", ""]


def test_an_empty_optional_setting_is_as_good_as_none(write: Write) -> None:
    write(with_values(OF_PROD, {"VESTNIK_PROFILES_URL": "", "AWS_ENDPOINT_URL_SNS": ""}))
    assert environment_of("prod")["VESTNIK_PROFILES_URL"] == environment_of("dev")["VESTNIK_PROFILES_URL"] == ""
    assert "AWS_ENDPOINT_URL_SNS" not in environment_of("prod")
