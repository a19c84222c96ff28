"""What every public page keeps to: no script, nothing from elsewhere, nothing that leaks, and no markup from data."""

import re
from collections.abc import Callable

import pytest

from chalicelib.clock import derived_id
from chalicelib.errors import UnavailableError
from chalicelib.security.signing import LetterClaims, Purpose
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway, Reply
from tests.integration.own_say.conftest import FORM, Person, Register
from tests.integration.own_say.test_old_links import old, renewal

MARKUP = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "{{ 7*7 }}",
    "{% for x in y %}",
    "javascript:alert(1)",
    "<!--",
    "]]>",
    "&lt;b&gt;",
]


def unsubscribe(claims: LetterClaims) -> str:
    return f"/unsubscribe/{Stage.own().tokens.make(claims, Purpose.UNSUBSCRIBE)[0]}"


def preferences(user_id: str = "anna") -> str:
    claims = LetterClaims(user_id, None, "email", "marketing", derived_id("n-1"))
    return f"/preferences/{Stage.own().tokens.make(claims, Purpose.PREFERENCES)[0]}"


CLAIMS = LetterClaims("anna", None, "email", "marketing", derived_id("n-1"))
PAGES: list[tuple[str, Callable[[Person], Reply]]] = [
    ("missing", lambda person: person.get("/s/none")),
    ("unsubscribe", lambda person: person.get(unsubscribe(CLAIMS))),
    ("unsubscribed", lambda person: person.post(unsubscribe(CLAIMS))),
    ("preferences", lambda person: person.get(preferences())),
    ("saved", lambda person: person.post(preferences(), b"nothing=on")),
    ("mistake", lambda person: person.post(preferences(), b"quiet_from=1")),
    ("too large", lambda person: person.post(preferences(), b"nothing=on&" + b"x" * 65_536)),
    ("expired", lambda person: person.get(old())),
    ("a new link", lambda person: person.post(renewal(old()))),
]


@pytest.fixture(params=PAGES, ids=[name for name, _ in PAGES])
def page(request: pytest.FixtureRequest, register: Register, person: Person) -> Reply:
    register()
    look: Callable[[Person], Reply] = request.param[1]
    return look(person)


def test_a_page_is_private_and_runs_nothing(page: Reply) -> None:
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["x-content-type-options"] == "nosniff"
    assert "noindex" in page.headers["x-robots-tag"]
    policy = dict(one.strip().split(" ", 1) for one in page.headers["content-security-policy"].split(";"))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == policy["base-uri"] == "'none'"
    assert policy["form-action"] == "'self'"
    assert "unsafe" not in page.headers["content-security-policy"]
    assert "script" not in page.text
    assert "set-cookie" not in page.headers


@pytest.mark.parametrize("content_type", [FORM, "multipart/form-data; boundary=b", ""])
def test_a_form_that_is_too_large_is_refused_and_changes_nothing(
    register: Register, person: Person, content_type: str
) -> None:
    """Promise G3: not passed over, as if nobody had sent it."""
    register()
    for path in (unsubscribe(CLAIMS), preferences()):
        refused = person.post(path, b"nothing=on&scope=everything&" + b"x" * 65_536, content_type)
        assert refused.status == 413
        assert "Nothing has changed" in refused.text
    assert Stage.own().preferences.stored("anna") is None


def test_a_page_loads_nothing_from_elsewhere(page: Reply) -> None:
    fetched = re.findall(r"(?:\b(?:src|srcset|action|data|poster)\s*=|@import|url\()\s*([^\s>]+)", page.text)
    links = re.findall(r"<link[^>]+href=\"([^\"]+)\"", page.text)

    assert [one for one in fetched if not one.startswith('"https://notify.cinema.example/')] == []
    assert links == ["data:,"]


def test_a_page_says_its_language_and_offers_the_other(page: Reply) -> None:
    assert '<html lang="en">' in page.text
    assert page.headers["content-language"] == "en"
    assert 'href="?lang=ru"' in page.text


def test_a_page_can_be_switched_to_the_other_language(register: Register, person: Person) -> None:
    register()

    assert '<html lang="ru">' in person.get(preferences(), lang="ru").text
    assert '<html lang="en">' in person.get(preferences(), lang="<script>").text


@pytest.mark.parametrize(
    ("accepted", "language"),
    [
        ("ru", "ru"),
        ("en-US,en;q=0.9,ru;q=0.8", "en"),
        ("en;q=0.5,ru;q=0.8", "ru"),
        ("de,fr;q=0.9,en;q=0.1", "en"),
        ("de", "ru"),
        ("", "ru"),
        ("en;q=much", "en"),
        (",;=,;q=,en", "en"),
    ],
)
def test_a_page_speaks_what_the_browser_prefers(stage: None, accepted: str, language: str) -> None:
    assert Person({"accept-language": accepted}).get("/s/none").headers["content-language"] == language


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_an_address_or_a_category_stays_text(stage: None, person: Person, text: str) -> None:
    for claims in (
        LetterClaims(None, text, "email", "marketing", "n-1"),
        LetterClaims("anna", None, "email", text, "n-1"),
    ):
        shown = person.get(unsubscribe(claims)).text
        escaped = shown.partition("<main>")[2].partition("</main>")[0]
        assert not re.search(r"<(script|img|svg|!--)", escaped)
        assert "49" not in escaped
        assert shown.count("<html") == 1


@pytest.mark.parametrize("text", MARKUP)
def test_markup_in_a_form_is_not_shown_back(register: Register, person: Person, text: str) -> None:
    register()
    from urllib.parse import urlencode

    body = urlencode({"quiet_from": text, "quiet_to": text, "paused_until": text, f"on.{text}.email": "on"}).encode()
    answer = person.post(preferences(), body)

    assert answer.status == 422
    assert not re.search(r"<(script|img|svg|!--)", answer.text)


def test_a_form_with_too_many_fields_is_an_empty_form(register: Register, person: Person, api: Gateway) -> None:
    register()
    body = "&".join(f"f{n}=1" for n in range(1000)).encode()

    assert person.post(preferences(), body).status == 200


def test_a_fault_of_ours_is_a_page_that_says_so(
    register: Register, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    register()
    path = preferences()

    def no_answer(*_: object, **__: object) -> None:
        raise UnavailableError("the database did not answer")

    monkeypatch.setattr(type(Stage.own().preferences), "get", no_answer)
    answer = person.get(path)

    assert answer.status == 503
    assert "It did not work just now" in answer.text
    assert "database" not in answer.text
