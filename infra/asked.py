"""What a first deployment of production has to know and the stage does not say: asked once, at a terminal, and written
into `.chalice/config.json`. Called by `deploy.py`.
"""

import json
import re
import sys
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

from chalicelib.settings import SettingsError
from infra import config_mistakes
from infra.stages import PRODUCTION, stage_config

Ask = Callable[[str], str]


class Question(NamedTuple):
    """A key of the stage, and what a person is asked for it. `needs` is the key without which it is not asked."""

    key: str
    text: str
    needs: str = ""


QUESTIONS = (
    Question("domain", "Where do the API and the pages answer (notify.cinema.example; empty: AWS's own address)"),
    Question("live_domain", "Where do clients open their WebSocket (live.cinema.example; empty: AWS's own address)"),
    Question("hosted_zone_id", "Which zone of Route 53 are they in (Z...; empty: you enter the records)", "domain"),
    Question("alarm_email", "Who is written to when an alarm goes off"),
    Question("make_identity", "Shall SES's identity of the sender be made (yes; empty: it is there already)"),
)


def missing(stage: str) -> list[Question]:
    """What a stage does not say, not even that it is empty. Raises: SettingsError."""
    own = config_mistakes.parsed()["stages"][stage]
    return [one for one in QUESTIONS if one.key not in own and (not one.needs or own.get(one.needs) != "")]


def ask_once(stage: str, *, is_new: bool, ask: Ask | None = None) -> None:
    """Asks for what a new production stage does not say, and writes each answer down, an empty one too: it is not asked
    again. Where nobody sits at a terminal it says which keys are missing, and goes on without. Raises: SettingsError
    for an answer that cannot be; then nothing was written."""
    if stage != PRODUCTION or not is_new or not (wanted := missing(stage)):
        return
    if ask is None and not sys.stdin.isatty():
        print(f"{stage} does not say {', '.join(one.key for one in wanted)}: see docs/settings.md", file=sys.stderr)
        return
    print(f"{stage} is new. What you answer is written into .chalice/config.json and not asked again.")
    answers: dict[str, Any] = {}
    for one in wanted:
        if one.needs and not answers.get(one.needs, one.needs):
            continue
        said = (ask or input)(f"  {one.text}: ").strip()
        answers[one.key] = said.lower() in ("y", "yes") if one.key == "make_identity" else said
    write(stage, answers)


def write(stage: str, answers: dict[str, Any]) -> None:
    """Puts the keys at the head of the stage, and leaves every other line as it is. Raises: SettingsError for what
    cannot be; then the file is as it was."""
    before = config_mistakes.CONFIG.read_text(encoding="utf-8")
    lines = "".join(f"      {json.dumps(key)}: {json.dumps(value)},\n" for key, value in answers.items())
    head = re.compile(rf'^    "{stage}": {{\n', re.MULTILINE)
    config_mistakes.CONFIG.write_text(head.sub(lambda found: found[0] + lines, before, count=1), encoding="utf-8")
    try:
        stage_config(stage)
    except SettingsError:
        config_mistakes.CONFIG.write_text(before, encoding="utf-8")
        raise
    left = [key for key in answers if key not in dict(_said(stage))]
    if left:
        raise SettingsError(f".chalice/config.json: write {', '.join(left)} into the stage {stage} by hand")


def _said(stage: str) -> Iterator[tuple[str, Any]]:
    yield from config_mistakes.parsed()["stages"][stage].items()
