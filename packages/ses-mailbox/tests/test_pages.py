"""The pages show letters to a person, and nothing in a letter can act on that person's behalf."""

import html
import re
import subprocess
from html.parser import HTMLParser

import pytest
import requests

from pretended import VERIFIED_DOMAIN
from ses_mailbox.client import MailboxClient, entry, simple

HOSTILE = [
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "'><svg/onload=alert(1)>",
    "</title><script>alert(1)</script>",
    "</textarea><iframe src=javascript:alert(1)>",
    "{{ 7 * 7 }} {% raw %}",
    "javascript:alert(1)",
    "<a href=//evil.example onclick=alert(1)>x</a>",
    "&lt;b&gt; \u202egpj.exe",
]
PACKAGE_ELEMENTS = {"script": {"/assets/mailbox.js"}, "iframe": {"/letters/"}, "img": {"/assets/icon.svg"}}


class _Elements(HTMLParser):
    """Collects what a browser would see as elements."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))


def _foreign_elements(page: str) -> list[tuple[str, dict[str, str | None]]]:
    elements = _Elements()
    elements.feed(page)
    foreign = []
    for tag, attributes in elements.found:
        active = any(name.startswith("on") for name in attributes)
        source = attributes.get("src") or ""
        strange = tag in {"script", "iframe", "img"} and not source.startswith(tuple(PACKAGE_ELEMENTS[tag]))
        if active or strange or tag in {"svg", "object", "embed", "base"}:
            foreign.append((tag, attributes))
    return foreign


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("view", ["letter", "text", "headers", "source", "list", "search"])
def test_hostile_text_is_shown_and_does_nothing(mailbox: MailboxClient, text: str, view: str) -> None:
    header = {"Name": "X-Hostile", "Value": text if text.isascii() else "x"}
    sent = mailbox.send(Content=simple(subject=text, text=text, Headers=[header]))
    if view in {"list", "search"}:
        page = mailbox.page("/", **({"q": text} if view == "search" else {})).text
    else:
        page = mailbox.page(f"/letters/{sent}", view=view).text
    assert _foreign_elements(page) == []
    assert text in html.unescape(page)


def test_a_hostile_address_is_shown_and_does_nothing(mailbox: MailboxClient) -> None:
    sender = '"<script>alert(1)</script>" <news@cinema.example>'
    sent = mailbox.send('"><script>alert(1)</script>" <anna@example.com>', FromEmailAddress=sender)
    for path in ("/", f"/letters/{sent}", f"/letters/{sent}?view=headers"):
        assert _foreign_elements(mailbox.page(path).text) == []


def test_a_search_that_finds_nothing_says_so_without_running_it(mailbox: MailboxClient) -> None:
    page = mailbox.page("/", q="<script>alert(1)</script>").text
    assert "Nothing found" in page
    assert _foreign_elements(page) == []


def test_the_letter_is_shown_in_a_sandbox_without_scripts(mailbox: MailboxClient) -> None:
    sent = mailbox.send(Content=simple(html="<!doctype html><head></head><script>alert(1)</script><p>Hi</p>"))
    body = mailbox.page(f"/letters/{sent}/body")
    policy = body.headers["content-security-policy"]
    assert "<p>Hi</p>" in body.text
    assert policy.startswith("sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none';")
    assert "allow-scripts" not in policy
    assert "script-src" not in policy
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in mailbox.page(f"/letters/{sent}").text


@pytest.mark.parametrize(
    ("letter", "shown"),
    [
        ("<!doctype html><html><head><title>x</title>", '<!doctype html><html><head><base target="_blank"><title>x'),
        ("<!doctype html><p>x", '<!doctype html><base target="_blank"><p>x'),
        ("<p>x", '<base target="_blank"><p>x'),
    ],
)
def test_links_of_a_letter_open_a_new_tab(mailbox: MailboxClient, letter: str, shown: str) -> None:
    sent = mailbox.send(Content=simple(html=letter))
    assert mailbox.page(f"/letters/{sent}/body").text.startswith(shown)


@pytest.mark.parametrize("path", ["/", "/letters/none", "/assets/mailbox.css"])
def test_no_page_lets_anything_of_a_third_party_in(mailbox: MailboxClient, path: str) -> None:
    page = mailbox.page(path)
    assert not re.search(r"""(src=|href=|action=|url\(|@import)\s*["']?(https?:)?//""", page.text)
    if path != "/assets/mailbox.css":
        assert "default-src 'none'" in page.headers["content-security-policy"]
        assert "unsafe" not in page.headers["content-security-policy"]


def test_every_asset_that_the_pages_name_is_served(mailbox: MailboxClient) -> None:
    named = set(re.findall(r'"(/assets/[^"]+)"', mailbox.page("/").text))
    assert {path: mailbox.page(path).status_code for path in named} == dict.fromkeys(named, 200)
    assert len(named) == 3


@pytest.mark.parametrize("path", ["/assets/../pages.py", "/assets/list.html", "/assets/%2e%2e%2fpages.py", "/x"])
def test_nothing_else_is_served(mailbox: MailboxClient, path: str) -> None:
    assert mailbox.page(path).status_code == 404


def test_an_empty_mailbox_tells_how_to_send_a_first_letter_and_it_works(mailbox: MailboxClient) -> None:
    command = re.search(r"<code>(curl .*?)</code>", mailbox.page("/").text, re.DOTALL)
    assert command is not None
    assert VERIFIED_DOMAIN in command[1]
    subprocess.run(["sh", "-c", html.unescape(command[1])], check=True, capture_output=True, timeout=30)
    assert [letter["to"] for letter in mailbox.letters()] == [["you@example.com"]]


def test_letters_are_listed_newest_first_and_searched_by_address_or_subject(mailbox: MailboxClient) -> None:
    mailbox.send("anna@example.com", Content=simple("Первая"))
    mailbox.send("petr@example.com", Content=simple("Вторая"))
    page = mailbox.page("/").text
    assert page.index("petr@") < page.index("anna@")
    for query in ("ANNA@", "перв"):
        found = mailbox.page("/", q=query).text
        assert "anna@example.com" in found
        assert "petr@example.com" not in found


def test_a_long_list_is_turned_page_by_page(mailbox: MailboxClient) -> None:
    for start in (0, 50):
        mailbox.send_bulk(*(entry(f"u{number:03}@example.com") for number in range(start, start + 50)))
    mailbox.send("last@example.com")
    pages = [mailbox.page("/", page=str(number)).text for number in (1, 2, 3)]
    assert "last@example.com" in pages[0]
    assert "u051@example.com" in pages[0]
    assert "u050@example.com" in pages[1]
    assert "u000@example.com" in pages[2]
    assert 'rel="next"' not in pages[2]


@pytest.mark.parametrize("number", ["0", "-1", "x", "99999999999999999999", "7"])
def test_a_page_number_that_makes_no_sense_breaks_nothing(mailbox: MailboxClient, number: str) -> None:
    assert mailbox.page("/", page=number).status_code == 200


def test_another_site_cannot_empty_the_mailbox(mailbox: MailboxClient) -> None:
    mailbox.send()
    cross = requests.post(f"{mailbox.url}/clear", headers={"sec-fetch-site": "cross-site"}, timeout=10)
    assert (cross.status_code, len(mailbox.letters())) == (403, 1)
    own = requests.post(f"{mailbox.url}/clear", headers={"sec-fetch-site": "same-origin"}, timeout=10)
    assert (own.url, len(mailbox.letters())) == (f"{mailbox.url}/", 0)


def test_a_letter_that_is_gone_gets_a_page_that_says_so(mailbox: MailboxClient) -> None:
    page = mailbox.page("/letters/none")
    assert (page.status_code, "No such letter" in page.text) == (404, True)
