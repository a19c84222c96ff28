"""What a first deployment of production needs and the stage does not say: asked once, at a terminal, checked like the
file, and written to `.chalice/config.json`."""

import copy
import json
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.settings import SettingsError
from infra import config_mistakes
from infra.stages import PRODUCTION, stage_config

Ask = Callable[[str], str]
Tell = Callable[[str], None]
NOTHING = "-"  # the answer that declines an offer
_NAMES = ("domain", "live_domain")


class Question(NamedTuple):
    """A key of the stage or one of its variables, the question, and the reason for it. Not asked unless one of `needs`
    is set."""

    key: str
    text: str
    why: str
    needs: tuple[str, ...] = ()
    yes_or_no: bool = False


QUESTIONS = (
    Question("account", "AWS account", "with credentials of another account, no command goes on"),
    Question("VESTNIK_SITE_NAME", "Name of the site", "letters and pages carry it"),
    Question("VESTNIK_SITE_URL", "Its main page (https://cinema.example)", "letters and pages lead there"),
    Question(
        "VESTNIK_MAIL_FROM", "Sender (Cinema <news@cinema.example>)", "SES sends from a domain that it has verified"
    ),
    Question(
        "make_identity",
        "Make the SES identity of the sender's domain (yes, no)",
        "no: SES has verified the domain in this region already",
        yes_or_no=True,
    ),
    Question("domain", "Domain of the API and the pages (notify.cinema.example)", "none: the address that AWS gives"),
    Question("base_path", "Base path on that domain (v)", "only where other APIs share the domain", ("domain",)),
    Question(
        "live_domain", "Domain of the WebSocket (live.cinema.example)", "another than the API's; none: AWS's address"
    ),
    Question(
        "hosted_zone_id", "Hosted zone of these domains (Z…)", "none: you enter the DNS records that are shown", _NAMES
    ),
    Question(
        "certificate_arn", "Certificate of your own (arn:aws:acm:…)", "none: one is requested and renewed", _NAMES
    ),
    Question(
        "waf",
        "AWS WAF (yes, no, or the ARN of a web ACL)",
        "yes: about $10 a month and $0.60 a million calls",
        yes_or_no=True,
    ),
    Question("alarm_email", "E-mail of whoever hears the alarms", "none: nobody does; AWS asks that person to confirm"),
)


def missing(stage: str) -> list[Question]:
    """What a stage does not say, not even as empty. Raises: SettingsError."""
    own = config_mistakes.parsed()["stages"][stage]
    return [one for one in QUESTIONS if one.key not in _said(own) and _is_due(one, own, on_the_way=_NAMES)]


def ask_once(stage: str, *, is_new: bool, account: str = "", ask: Ask | None = None, tell: Tell = print) -> None:
    """Asks for what a new production stage lacks and writes each answer down, empty ones too, so that it is not asked
    again. `account` is the one in use. Without a terminal it reports the missing keys and goes on. Raises:
    SettingsError: the file has mistakes, or nobody answers; then nothing was written."""
    if stage != PRODUCTION or not is_new or not (wanted := missing(stage)):
        return
    if ask is None and not sys.stdin.isatty():
        print(f"{stage} does not say {', '.join(one.key for one in wanted)}: see docs/settings.md", file=sys.stderr)
        return
    stage_config(stage)
    tell(f"{stage} is new. What you answer is written into .chalice/config.json and not asked again.")
    tell(f"Enter takes what stands in brackets, {NOTHING} means none.")
    answers: dict[str, Any] = {}
    for one in wanted:
        if _is_due(one, {**config_mistakes.parsed()["stages"][stage], **answers}):
            answers[one.key] = _answer(one, stage, answers, account, ask=ask or input, tell=tell)
    write(stage, answers)


def _is_due(one: Question, own: Mapping[str, Any], *, on_the_way: tuple[str, ...] = ()) -> bool:
    """`on_the_way` are keys that are asked for earlier, unless they are set."""
    return not one.needs or any(own.get(key, key in on_the_way) for key in one.needs)


def _answer(one: Question, stage: str, answers: Mapping[str, Any], account: str, *, ask: Ask, tell: Tell) -> Any:
    offered = account if one.key == "account" else _in_force(one, stage)
    shown = {True: "yes", False: "no", "": "none"}.get(offered, offered)
    tell(f"\n  {one.text}; {one.why}")
    while True:
        try:
            said = ask(f"  {one.key} [{shown}]: ").strip()
        except EOFError:
            raise SettingsError("nobody answers any more; nothing was written") from None
        value = offered if not said else _meant(one, said)
        wrong = list(_mistakes(stage, answers, {one.key: value}))
        if one.key == "account" and value not in ("", account):
            wrong.append(
                f"account: these credentials are of {account}; use those of the other account, or take this one"
            )
        if not wrong:
            return value
        tell("\n".join(f"  {mistake}" for mistake in wrong))


def _meant(one: Question, said: str) -> str | bool:
    if said == NOTHING:
        return False if one.yes_or_no else ""
    known = {"y": True, "yes": True, "n": False, "no": False}
    return known.get(said.lower(), said) if one.yes_or_no else said


def _in_force(one: Question, stage: str) -> Any:
    config = stage_config(stage)
    return config.environment_variables.get(one.key, "") if one.key.isupper() else getattr(config, one.key)


def _mistakes(stage: str, before: Mapping[str, Any], news: Mapping[str, Any]) -> Iterator[str]:
    """The mistakes that the answer would bring into the file."""
    old, new = copy.deepcopy(config_mistakes.parsed()), copy.deepcopy(config_mistakes.parsed())
    _put(old["stages"][stage], before)
    _put(new["stages"][stage], {**before, **news})
    known = set(config_mistakes.mistakes(old, stage))
    place = re.compile(rf"^stages\.{stage}\.(environment_variables: )?")
    yield from (place.sub("", one) for one in config_mistakes.mistakes(new, stage) if one not in known)


def _put(own: dict[str, Any], answers: Mapping[str, Any]) -> None:
    for key, value in answers.items():
        (own.setdefault("environment_variables", {}) if key.isupper() else own)[key] = value


def _said(own: Mapping[str, Any]) -> dict[str, Any]:
    return {**own, **own.get("environment_variables", {})}


def write(stage: str, answers: dict[str, Any]) -> None:
    """Puts keys at the top of the stage and variables at the top of its `environment_variables`, and leaves all other
    lines alone. Raises: SettingsError: the file has another layout, and was not changed."""
    before = config_mistakes.CONFIG.read_text(encoding="utf-8")
    head, found, rest = before.partition(f'    "{stage}": {{\n')
    body, end, after = rest.partition("\n    }")
    keys, variables = (_lines(answers, are_variables=upper) for upper in (False, True))
    block = re.compile(r'^( {6}"environment_variables": \{\n)', re.MULTILINE)
    body = keys + block.sub(lambda line: line[0] + variables, body, count=1)
    config_mistakes.CONFIG.write_text(f"{head}{found}{body}{end}{after}", encoding="utf-8")
    if not _holds(stage, answers):
        config_mistakes.CONFIG.write_text(before, encoding="utf-8")
        told = ", ".join(f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in answers.items())
        raise SettingsError(f".chalice/config.json is laid out otherwise: write into the stage {stage} by hand: {told}")


def _holds(stage: str, answers: Mapping[str, Any]) -> bool:
    try:
        stage_config(stage)
        said = _said(config_mistakes.parsed()["stages"][stage])
    except (SettingsError, KeyError):
        return False
    return all(said.get(key) == value for key, value in answers.items())


def _lines(answers: Mapping[str, Any], *, are_variables: bool) -> str:
    indent = " " * (8 if are_variables else 6)
    wanted = {key: value for key, value in answers.items() if key.isupper() is are_variables}
    return "".join(
        f"{indent}{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)},\n" for key, value in wanted.items()
    )
