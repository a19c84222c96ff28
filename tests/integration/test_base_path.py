"""A stage behind `base_path` of a domain that it shares with others: nothing that it gives out leads beside it."""

import re
from collections.abc import Iterator
from html import unescape
from html.parser import HTMLParser
from urllib.parse import urljoin, urlsplit

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.profiles.model import UserBody
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor, signed_in
from tests.integration.admin.stocked import stocked
from tests.integration.api.gateway import Gateway, Reply, gateway
from tests.integration.conftest import ENVIRONMENT, Letters, Pump, a_stage
from tests.integration.own_say.conftest import BROWSER, FORM, send
from tests.integration.own_say.test_old_links import old, renewal

HOST, BASE = "https://notify.cinema.example", "/v"
HERE = HOST + BASE
_LEADS = ("href", "src", "action", "formaction", "hx-get", "hx-post", "data", "poster")


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """One whose public URL has a path."""
    monkeypatch.setitem(ENVIRONMENT, "VESTNIK_PUBLIC_URL", HERE)
    with a_stage(monkeypatch):
        yield


class Leads(HTMLParser):
    """Where a page leads, as a browser that stands at `address` reads it; other sites left out."""

    def __init__(self, address: str, text: str) -> None:
        super().__init__()
        self._address = address
        self.found: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        for name, value in attributes:
            whole = urljoin(self._address, value or "")
            if name in _LEADS and urlsplit(whole).netloc == urlsplit(HOST).netloc:
                self.found.add(whole)


def beside(leads: set[str]) -> set[str]:
    """Those that another API of the domain would get."""
    return {one for one in leads if not urlsplit(one).path.startswith(f"{BASE}/")}


def of_public(path: str, method: str = "GET", **query: str) -> Reply:
    headers = {"user-agent": BROWSER, "accept-language": "en", **({"content-type": FORM} if method == "POST" else {})}
    return Gateway(None).call(method, path, headers=headers, query=query)


def test_every_page_of_the_managers_leads_to_pages_of_ours(stage: None) -> None:
    stock, boss = stocked(), signed_in("boss", *Role)
    for path in stock.pages():
        seen = boss.get(path)
        assert seen.status == 200, path
        found = Leads(HERE + path, seen.text).found
        assert beside(found) == set(), path
        for one in found:
            place = urlsplit(one).path.removeprefix(BASE)
            if place.startswith("/admin/static/"):
                assert boss.get(place).status == 200, one


def test_whoever_signs_in_or_leaves_is_led_to_a_page_of_ours(stage: None) -> None:
    assert Visitor().get("/admin").headers["location"].startswith(f"{BASE}/admin/sign-in")
    boss = signed_in("boss", *Role)
    assert boss.get("/admin/look?theme=dark&back=/admin/keys").headers["location"] == f"{BASE}/admin/keys"
    assert boss.post("/admin/sign-out").headers["location"].startswith(f"{BASE}/admin/sign-in")


def test_no_other_api_of_the_domain_is_sent_our_cookies(stage: None) -> None:
    """`__Host-` would want the path `/` (RFC 6265bis §4.1.3.2); `__Secure-` is the next best."""
    boss = signed_in("boss", *Role)
    assert {name.partition("vestnik")[0] for name in boss.cookies} == {"__Secure-"}
    lines = Visitor().get("/admin/sign-in").headers["set-cookie"].splitlines()
    for line in lines:
        assert f"; Path={BASE};" in line
        assert "Secure;" in line
    assert lines
    assert boss.get("/admin").status == 200  # they are known again


def test_the_api_answers_and_names_itself(stage: None) -> None:
    api = gateway()
    assert api.get("/healthz").body == {"status": "ok", "stage": "test"}
    assert api.get("/openapi.json").body["servers"][0]["url"] == HERE
    docs = api.get("/docs")
    assert beside(Leads(f"{HERE}/docs", docs.text).found) == set()
    assert HERE in docs.text
    Stage.own().directory.put("anna", UserBody(email="anna@viewers.example", name="Anna", locale="en"))
    one = send(api)
    assert api.get(f"/v1/notifications/{one}").body["status"] == "accepted"


def test_an_accepted_notification_says_where_it_is_followed(stage: None) -> None:
    context = {"reset_url": "https://cinema.example/r", "valid_minutes": 30}
    body = {"template": "password-reset", "recipients": [{"email": "a@viewers.example"}], "context": context}
    [one] = gateway().post("/v1/notifications", body).body["notifications"]
    assert one["url"] == f"{HERE}/v1/notifications/{one['id']}"


def test_the_live_demo_finds_its_files_and_calls(stage: None) -> None:
    page = of_public("/live-demo")
    assert page.status == 200, page.text
    todo, called = Leads(f"{HERE}/live-demo", page.text).found, set[str]()
    for one in todo | {f"{HERE}/live-demo/{name}.js" for name in ("live", "words")}:
        answer = of_public(urlsplit(one).path.removeprefix(BASE))
        assert answer.status == 200, one
        called |= {urljoin(f"{HERE}/live-demo", found) for found in re.findall(r'fetch\("([^"]+)"', answer.text)}
        called |= {urljoin(one, found) for found in re.findall(r'from "([^"]+)"', answer.text)}
    assert called > {f"{HERE}/live-demo/{name}" for name in ("tickets", "notifications", "live.js")}
    assert todo
    assert beside(todo | called) == set()


def test_every_link_of_a_letter_answers_and_leads_on(stage: None, letters: Letters) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@viewers.example", name="Anna", locale="en"))
    for template in ("promo", "welcome"):
        send(gateway(), template)
    assert Pump().run() == []
    links = {one for letter in letters() for one in re.findall(rf"{HOST}[^\s\"<>)]+", unescape(letter["body"]))}
    assert {urlsplit(one).path.split("/")[2] for one in links} == {"s", "unsubscribe", "preferences", "view"}
    assert beside(links) == set()
    for one in links:
        path = urlsplit(one).path.removeprefix(BASE)
        answer = of_public(path)
        if path.startswith("/s/"):  # it confirms the address, or counts a click
            assert answer.headers["location"] in ("https://cinema.example", "https://cinema.example/p")
            continue
        assert answer.status == 200, one
        if path.startswith("/view/"):  # the letter itself, whose links nobody but its reader is given
            continue
        assert 'method="post"' in answer.text
        assert beside(Leads(one, answer.text).found) == set()
        assert of_public(path, "POST").status == 200


def test_a_link_whose_time_is_over_is_renewed_under_the_same_path(stage: None) -> None:
    path = old()
    found = Leads(HERE + path, of_public(path).text).found
    assert f"{HERE}{renewal(path)}" in found
    assert beside(found) == set()
