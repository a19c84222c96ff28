"""The questions of a first deployment: asked once, written where the stage says everything else."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import SettingsError
from infra import config_mistakes
from infra.asked import QUESTIONS, ask_once, missing
from infra.boundary import bounded
from infra.stages import environment_of, stage_config

ANSWERS = {
    "domain": "notify.kino.example",
    "live_domain": "live.kino.example",
    "hosted_zone_id": "Z0123456789",
    "alarm_email": "olga@kino.example",
    "make_identity": "yes",
}


@pytest.fixture
def file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """The repository's own, with a production stage that says none of it."""
    source = config_mistakes.CONFIG
    config = json.loads(source.read_text())
    for name in ("VESTNIK_PUBLIC_URL", "VESTNIK_LIVE_URL"):
        config["stages"]["prod"]["environment_variables"].pop(name, None)
    for question in QUESTIONS:
        config["stages"]["prod"].pop(question.key, None)
    for policy in source.parent.glob("policy*.json"):
        (tmp_path / policy.name).write_text(policy.read_text())
    copy = tmp_path / "config.json"
    copy.write_text(json.dumps(config, indent=2) + "\n")
    monkeypatch.setattr(config_mistakes, "CONFIG", copy)
    return copy


def answering(answers: dict[str, str], asked: list[str]) -> Callable[[str], str]:
    by_text = {one.text: one.key for one in QUESTIONS}

    def answer(question: str) -> str:
        key = by_text[question.strip().removesuffix(":")]
        asked.append(key)
        return answers.get(key, "")

    return answer


def said(file: Path) -> dict[str, Any]:
    stage: dict[str, Any] = json.loads(file.read_text())["stages"]["prod"]
    return stage


def test_a_new_production_is_asked_once_and_every_line_but_the_answers_stays(file: Path) -> None:
    before, asked = file.read_text(), list[str]()
    ask_once("prod", is_new=True, ask=answering(ANSWERS, asked))
    assert asked == list(ANSWERS)
    assert {key: said(file)[key] for key in ANSWERS} == {**ANSWERS, "make_identity": True}
    assert [line for line in file.read_text().splitlines() if line not in before.splitlines()] == [
        f'      "{key}": {json.dumps(said(file)[key])},' for key in ANSWERS
    ]
    ask_once("prod", is_new=True, ask=answering({}, asked))
    assert asked == list(ANSWERS)
    assert environment_of("prod")["VESTNIK_PUBLIC_URL"] == "https://notify.kino.example"


def test_an_empty_answer_is_an_answer(file: Path) -> None:
    asked: list[str] = []
    ask_once("prod", is_new=True, ask=answering({}, asked))
    assert "hosted_zone_id" not in asked  # of no domain
    assert missing("prod") == []
    assert stage_config("prod").domain == ""


@pytest.mark.parametrize(
    "wrong",
    [
        {"domain": "https://notify.kino.example"},
        {"alarm_email": "olga"},
        {"domain": "a.example", "live_domain": "a.example"},
    ],
)
def test_an_answer_that_cannot_be_is_told_and_writes_nothing(file: Path, wrong: dict[str, str]) -> None:
    before = file.read_text()
    with pytest.raises(SettingsError, match=next(reversed(wrong))):
        ask_once("prod", is_new=True, ask=answering(wrong, []))
    assert file.read_text() == before


@pytest.mark.parametrize(("stage", "is_new"), [("dev", True), ("prod", False)])
def test_nobody_else_is_asked(file: Path, stage: str, is_new: bool) -> None:
    before = file.read_text()
    ask_once(stage, is_new=is_new, ask=answering(ANSWERS, []))
    assert file.read_text() == before


def test_where_nobody_sits_the_missing_keys_are_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask_once("prod", is_new=True)
    assert (
        "prod does not say domain, live_domain, hosted_zone_id, alarm_email, make_identity" in capsys.readouterr().err
    )


def test_a_boundary_is_on_every_role_and_on_nothing_else() -> None:
    template = json.dumps(
        {
            "Resources": {
                "A": {"Type": "AWS::IAM::Role", "Properties": {}},
                "B": {"Type": "AWS::SQS::Queue", "Properties": {}},
            }
        }
    )
    found = json.loads(bounded(template, "arn:aws:iam::111122223333:policy/edge"))["Resources"]
    assert found["A"]["Properties"] == {"PermissionsBoundary": "arn:aws:iam::111122223333:policy/edge"}
    assert found["B"]["Properties"] == {}
    assert bounded(template, "") == template
