"""The questions of a first deployment: asked once, written where the stage says everything else."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from chalicelib.settings import SettingsError
from infra import config_mistakes
from infra.asked import QUESTIONS, ask_once, missing
from infra.boundary import bounded
from infra.stages import environment_of, stage_config

ACCOUNT = "111122223333"
VARIABLES = {
    "VESTNIK_SITE_NAME": "Кино",
    "VESTNIK_SITE_URL": "https://kino.example",
    "VESTNIK_MAIL_FROM": "Кино <news@kino.example>",
}
ANSWERS = {
    "account": "",
    **VARIABLES,
    "make_identity": "yes",
    "domain": "notify.kino.example",
    "base_path": "v",
    "live_domain": "live.kino.example",
    "hosted_zone_id": "Z0123456789",
    "certificate_arn": "",
    "waf": "yes",
    "alarm_email": "olga@kino.example",
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
        config["stages"]["prod"]["environment_variables"].pop(question.key, None)
    for policy in source.parent.glob("policy*.json"):
        (tmp_path / policy.name).write_text(policy.read_text())
    copy = tmp_path / "config.json"
    copy.write_text(json.dumps(config, indent=2) + "\n")
    monkeypatch.setattr(config_mistakes, "CONFIG", copy)
    return copy


@dataclass
class Terminal:
    """Somebody who answers, several times what is asked several times."""

    answers: Mapping[str, str | list[str]]
    asked: list[str] = field(default_factory=list)
    told: list[str] = field(default_factory=list)

    def ask(self, question: str) -> str:
        key = question.split()[0]
        self.asked.append(key)
        said = self.answers.get(key, "")
        return said if isinstance(said, str) else said[self.asked.count(key) - 1]

    def sit_at(self, stage: str = "prod", *, is_new: bool = True) -> None:
        ask_once(stage, is_new=is_new, account=ACCOUNT, ask=self.ask, tell=self.told.append)


def said(file: Path) -> dict[str, Any]:
    stage: dict[str, Any] = json.loads(file.read_text())["stages"]["prod"]
    return {**stage, **stage["environment_variables"]}


def test_a_new_production_is_asked_once_and_every_line_but_the_answers_stays(file: Path) -> None:
    before, somebody = file.read_text(), Terminal(ANSWERS)
    somebody.sit_at()
    assert somebody.asked == list(ANSWERS) == [one.key for one in QUESTIONS]
    wanted = {**ANSWERS, "make_identity": True, "waf": True, "account": ACCOUNT}
    assert {key: said(file)[key] for key in ANSWERS} == wanted
    news = [line for line in file.read_text().splitlines() if line not in before.splitlines()]
    assert sorted(line.split('"')[1] for line in news) == sorted(ANSWERS)
    assert [line for line in before.splitlines() if line not in file.read_text().splitlines()] == []
    somebody.sit_at()
    assert somebody.asked == list(ANSWERS)
    assert environment_of("prod")["VESTNIK_PUBLIC_URL"] == "https://notify.kino.example/v"
    assert environment_of("prod")["VESTNIK_MAIL_FROM"] == VARIABLES["VESTNIK_MAIL_FROM"]
    assert environment_of("dev")["VESTNIK_SITE_NAME"] == "Vestnik Cinema"


def test_enter_keeps_what_is_so_and_is_an_answer(file: Path) -> None:
    before, somebody = stage_config("prod"), Terminal({})
    somebody.sit_at()
    assert not {"base_path", "hosted_zone_id", "certificate_arn"} & set(somebody.asked)  # of no domain
    assert missing("prod") == []
    assert stage_config("prod") == before.model_copy(update={"account": ACCOUNT})


def test_who_does_not_want_what_is_offered_says_so(file: Path) -> None:
    Terminal({"account": "-", "waf": "-"}).sit_at()
    assert (said(file)["account"], said(file)["waf"]) == ("", False)


def test_each_question_says_why(file: Path) -> None:
    somebody = Terminal(ANSWERS)
    somebody.sit_at()
    told = "\n".join(somebody.told)
    assert all(f"{one.text}; {one.why}" in told for one in QUESTIONS)


@pytest.mark.parametrize(
    ("key", "wrong", "right"),
    [
        ("domain", "https://notify.kino.example", "notify.kino.example"),
        ("domain", "notify.kino.example/v", "notify.kino.example"),
        ("base_path", "v/w", "v"),
        ("live_domain", "notify.kino.example", "live.kino.example"),
        ("hosted_zone_id", "kino.example", "Z0123456789"),
        ("certificate_arn", "of ours", ""),
        ("alarm_email", "olga", "olga@kino.example"),
        ("make_identity", "perhaps", "no"),
        ("waf", "perhaps", "no"),
        ("waf", "arn:aws:wafv2:us-east-1:1:global/webacl/x/1", "n"),
        ("account", "12", ""),
        ("account", "999999999999", ACCOUNT),
        ("VESTNIK_MAIL_FROM", "Кино", "news@kino.example"),
        ("VESTNIK_SITE_URL", "kino.example", "https://kino.example"),
        ("VESTNIK_SITE_NAME", "-", "Кино"),
    ],
)
def test_an_answer_that_cannot_be_is_told_at_once_and_asked_again(file: Path, key: str, wrong: str, right: str) -> None:
    somebody = Terminal({**ANSWERS, key: [wrong, right]})
    somebody.sit_at()
    assert somebody.asked == sorted([*ANSWERS, key], key=list(ANSWERS).index)
    [mistake] = [one for one in somebody.told if one.startswith("  ") and key in one.split(":")[0].strip().split(".")]
    assert "did you mean" not in mistake
    assert stage_config("prod").alarm_email == "olga@kino.example"


def test_a_file_that_has_mistakes_already_is_mended_before_anything_is_asked(file: Path) -> None:
    file.write_text(file.read_text().replace('"prod": {\n', '"prod": {\n      "domian": "",\n'))
    somebody = Terminal(ANSWERS)
    with pytest.raises(SettingsError, match="did you mean domain"):
        somebody.sit_at()
    assert somebody.asked == []


def test_who_goes_away_half_way_has_changed_nothing(file: Path) -> None:
    before = file.read_text()

    def gone(_question: str) -> str:
        raise EOFError

    with pytest.raises(SettingsError, match="nothing was written"):
        ask_once("prod", is_new=True, account=ACCOUNT, ask=gone)
    assert file.read_text() == before


def test_a_stage_that_is_written_otherwise_is_left_as_it_is(file: Path) -> None:
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config))
    with pytest.raises(SettingsError, match="into the stage prod by hand: account="):
        Terminal(ANSWERS).sit_at()
    assert json.loads(file.read_text()) == config


@pytest.mark.parametrize(("stage", "is_new"), [("dev", True), ("prod", False)])
def test_nobody_else_is_asked(file: Path, stage: str, is_new: bool) -> None:
    before = file.read_text()
    Terminal(ANSWERS).sit_at(stage, is_new=is_new)
    assert file.read_text() == before


def test_where_nobody_sits_the_missing_keys_are_named(file: Path, capsys: pytest.CaptureFixture[str]) -> None:
    ask_once("prod", is_new=True)
    assert f"prod does not say {', '.join(ANSWERS)}: see docs/settings.md" in capsys.readouterr().err


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
