"""The links of a letter are tried within bounds, and never in private networks."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event
from time import monotonic

import pytest
import requests

from chalicelib.security.outbound_http import guarded_session
from chalicelib.services import link_check
from chalicelib.services.link_check import MOST_LINKS, LinkCheck, Tried
from tests.serving import serving

OURS = "https://notify.cinema.example"


class Site:
    """Pages that answer as their path says (`/404`, `/head-405`, `/to?/200`, `/slow`), and what they were asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.over = Event()

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        method, path = handler.command, handler.path
        self.asked.append((method, path))
        if path == "/slow":
            self.over.wait(20)
        word, _, target = path.strip("/").partition("?")
        status = 302 if word in ("to", "round") else int(word.rpartition("-")[2]) if word != "slow" else 200
        if word.startswith("head-") and method == "GET":
            status = 200
        handler.send_response(status)
        if word == "to":
            handler.send_header("Location", target)
        if word == "round":
            handler.send_header("Location", "/round")
        handler.send_header("Content-Length", "1200" if method == "HEAD" else "0")
        handler.end_headers()


@contextmanager
def a_site() -> Iterator[tuple[Site, str]]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            site.answer(self)

        do_GET = do_HEAD  # noqa: N815 - http.server's name

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        try:
            yield site, url
        finally:
            site.over.set()


def checker(*, private: bool = True, seconds: float | None = None) -> LinkCheck:
    def session() -> requests.Session:
        return guarded_session(allow_private=private, step_seconds=seconds)

    return LinkCheck(session=session, monotonic=monotonic, ours=OURS)


@pytest.mark.parametrize(
    ("path", "alive"),
    [
        ("/200", True),
        ("/404", False),
        ("/410", False),
        ("/500", False),
        ("/403", None),
        ("/429", None),
        ("/head-405", True),
        ("/head-404", True),
        ("/to?/200", True),
        ("/to?/404", False),
        ("/round", None),
        ("/to?http://127.0.0.1:1/", False),
        ("/to?http://[::", None),
    ],
)
def test_a_link_is_dead_only_if_that_is_certain(path: str, alive: bool | None) -> None:
    with a_site() as (_, url):
        (found,) = checker().try_all([url + path]).values()

    assert found.alive is alive
    assert (found.why is None) is (alive is True)


def test_a_picture_tells_its_size_without_being_loaded() -> None:
    with a_site() as (site, url):
        assert checker().try_all([f"{url}/200"]) == {f"{url}/200": Tried(True, size_bytes=1200)}

    assert site.asked == [("HEAD", "/200")]


def test_what_was_tried_lately_and_pages_of_our_own_are_not_tried() -> None:
    check = checker()
    with a_site() as (site, url):
        first = check.try_all([f"{url}/404", f"{OURS}/unsubscribe/token"])
        assert check.try_all([f"{url}/404"]) == first

    assert site.asked == [("HEAD", "/404"), ("GET", "/404")]


def test_at_most_thirty_are_tried() -> None:
    with a_site() as (site, url):
        assert len(checker().try_all(f"{url}/200?{n}" for n in range(100))) == MOST_LINKS

    assert len(site.asked) == MOST_LINKS


@pytest.mark.parametrize(
    "address",
    ["https://127.0.0.1/", "https://169.254.169.254/latest/meta-data/", "https://localhost/", "https://[::1]/"],
)
def test_a_private_address_is_not_called(address: str) -> None:
    (found,) = checker(private=False).try_all([address]).values()

    assert found.alive is False


def test_a_redirect_into_a_private_network_is_not_followed() -> None:
    """A page that sends to the credentials of this machine."""

    def session() -> requests.Session:
        guarded = guarded_session(allow_private=False)
        guarded.mount("http://", guarded_session(allow_private=True).get_adapter("http://"))  # for the first step alone
        return guarded

    with a_site() as (_, url):
        check = LinkCheck(session=session, monotonic=monotonic, ours=OURS)
        (found,) = check.try_all([f"{url}/to?https://169.254.169.254/latest/"]).values()

    assert found.alive is False
    assert "network" in str(found.why)


def test_slow_servers_hold_nobody_longer_than_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(link_check, "SECONDS", 0.3)
    monkeypatch.setattr(link_check, "SECONDS_IN_ALL", 0.8)
    with a_site() as (_, url):
        began = monotonic()
        found = checker(seconds=0.3).try_all(f"{url}/slow?{n}" if n else f"{url}/slow" for n in range(20))
        took = monotonic() - began

    assert took < 5
    assert len(found) == 20
    assert found[f"{url}/slow"].alive is None
