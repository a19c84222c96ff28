"""What is wrong is said in the manager's language: every message that a page may show, found in the code itself."""

import ast
import json
import re
from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.admin.mistakes import told
from infra.paths import ROOT

GAP = "§"
# The parts whose errors a manager's page may show.
PARTS = ("admin", "campaigns", "control", "pipeline", "profiles", "rendering")
# Those that only a service, a reader or an engineer meets: from calls, links and queues that no page makes.
ELSEWHERE = frozenset(
    {
        "expected the header Authorization: Bearer <API key>",
        "this API key is unknown or revoked",
        "this key lacks the scope §",
        "this Idempotency-Key was used for another body: use a new key for a new request",
        "this event id was used for another event: use a new id for a new event",
        "a rule could not be followed",
        "expected either user_id or email",
        "user_id stands alone: the directory knows the §",
        "expected expires_at to be after send_at",
        "not a delivery id: §",
        "not the canonical spelling",
        "not URL-safe base64",
        "expected an address of § as apprise writes it, of one room, with no host of its own and no options but §",
        "it was not sealed here",
        "nobody is named",  # by a row of the service's own
        "expected §",  # the kind of a form: browsers know it
        "this link leads to a place that is not allowed any more",
        "the redirect is set to a place that is not allowed",
        "this link is for an address that the user does not have any more",
    }
)
# They are for the log: an unavailable service has a text of its own on every page, poison goes to its dead letters.
FOR_THE_LOG = (
    "UnavailableError",
    "MisconfiguredError",
    "ThrottledError",
    "PoisonMessageError",
    "FileNotFoundError",
    "RuntimeError",
    "TypeError",
)


def messages() -> Iterator[str]:
    """The texts that errors are made with; what is put into them stands as a gap."""
    for part in PARTS:
        for path in sorted((ROOT / "chalicelib" / part).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and _makes_an_error(node.func):
                    yield from (text for one in node.args if (text := _text(one)) is not None and " " in text)


def _makes_an_error(called: ast.expr) -> bool:
    name = ast.unparse(called).removesuffix(".of").rpartition(".")[2]
    return name == "refuse" or (name.endswith("Error") and name not in FOR_THE_LOG)  # `refuse`: a line of a list


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return node.value if isinstance(node.value, str) else None
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else GAP for one in node.values)
    return None


def translated() -> dict[str, str]:
    text = (ROOT / "templates" / "admin" / "words" / "mistakes.ru.json").read_text(encoding="utf-8")
    found: dict[str, str] = json.loads(text)
    return found


def test_every_mistake_that_a_page_may_show_is_said_in_russian() -> None:
    shown = {one for one in messages() if one not in ELSEWHERE and one.strip(f"{GAP}: ")}
    assert sorted(one for one in shown if told(one.replace(GAP, "7"), locale="ru") == one.replace(GAP, "7")) == []


def test_every_exception_from_that_is_a_message_of_the_code() -> None:
    assert set(messages()) >= ELSEWHERE


def test_what_is_translated_has_the_same_gaps_but_for_an_english_plural() -> None:
    gaps = re.compile(r"\{(\w+)\}")
    for english, russian in translated().items():
        assert set(gaps.findall(russian)) <= set(gaps.findall(english)), english
        assert re.search("[а-яё]", russian) or gaps.search(russian), english


def test_a_message_in_english_stays_as_it_is() -> None:
    assert [one for one in translated() if told(one, locale="en") != one] == []


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("there is a template draft already", "шаблон draft уже есть"),  # a name is nobody's word
        ("the campaign is paused: expected draft or scheduled", "кампания: на паузе, а нужно: черновик или назначена"),
        ("it fails its check: line 3: expected text", "шаблон не проходит проверку: строка 3: нужен текст"),
        ("locales.ru.email: the subject is empty", "locales.ru.email: часть subject получилась пустой"),
        ("there is no user {id}\n", "такого пользователя нет: {id}\n"),  # what somebody typed fills no gap of ours
        ("no such words anywhere", "no such words anywhere"),
        ("line 1: " * 300, "line 1: " * 300),  # what somebody typed may look like anything, and be as long
        (" is over " * 8000, " is over " * 8000),
        ("CSS: " * 190, "стили CSS: " * 4 + "CSS: " * 186),
        ("a: " * 2000, "a: " * 2000),
    ],
)
def test_gaps_are_filled_with_what_stood_there(message: str, said: str) -> None:
    assert told(message, locale="ru") == said


@pytest.mark.parametrize(
    ("schema", "value"),
    [
        (str, 1),
        (int, "x"),
        (int, 1.5),
        (int, []),
        (float, "x"),
        (float, []),
        (bool, []),
        (dict, 1),
        (list, 1),
        (tuple, 1),
    ],
)
def test_what_pydantic_finds_wrong_is_said_in_russian(schema: type, value: object) -> None:
    with pytest.raises(ValidationError) as caught:
        TypeAdapter(schema).validate_python(value)
    for mistake in caught.value.errors():
        assert re.search("[а-яё]", told(mistake["msg"], locale="ru")), mistake["msg"]
