"""More content for a campaign's letters, from a real HTTP source on this machine."""

import json
import socket
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from time import sleep
from typing import Any

import pytest
import requests

from chalicelib.campaigns.content_source import Content, ContentSource
from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.security import outbound_http as web
from chalicelib.security.outbound_http import guarded_session
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import Desk, PostOffice, Viewers
from tests.processes import compose
from tests.serving import serving

FILMS = [{"title": "Silence", "url": "https://cinema.example/1"}]


class FilmService(ThreadingHTTPServer):
    """The cinema's own service: knows the films of the week, and what everybody watched but `u-00000`."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.status = 200
        self.films = FILMS
        self.idle = set[str]()  # who watched nothing
        self.calls: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FilmService

    def do_GET(self) -> None:
        self._answer(self.server.films)

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["user_ids"]
        watched = {one: {"films": 0 if one in self.server.idle else 3, "hours": 6} for one in asked if one != "u-00000"}
        self._answer({"users": watched})

    def _answer(self, content: Any) -> None:
        self.server.calls.append(self.command)
        self.send_response(self.server.status)
        self.send_header("Location", "http://169.254.169.254/latest")
        self.end_headers()
        self.wfile.write(json.dumps(content).encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Says nothing."""


@pytest.fixture
def service(stage: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[FilmService]:
    """The service, on a private address that the stage allows."""
    monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
    compose()
    server = FilmService()
    with serving(server):
        yield server


def test_the_films_of_the_week_are_asked_for_once_and_reach_every_letter(
    desk: Desk, viewers: Viewers, office: PostOffice, service: FilmService
) -> None:
    viewers(8)
    desk.start(template="weekly-digest", context={}, content={"url": service.url, "name": "films"})
    desk.finish()

    assert len(office.letters) == 8
    assert all("Silence" in letter.parts["html"] for letter in office.letters)
    assert service.calls == ["GET"]


def test_a_campaign_whose_content_is_empty_says_nothing(
    desk: Desk, viewers: Viewers, office: PostOffice, service: FilmService
) -> None:
    """Promise E7: no films this week, no letter about them."""
    viewers(3)
    service.films = []
    campaign_id = desk.start(template="weekly-digest", context={}, content={"url": service.url, "name": "films"})
    desk.finish()

    assert office.letters == []
    assert desk.progress(campaign_id).skipped == {"nothing_to_say": 3}


def test_whoever_has_nothing_in_their_own_content_is_skipped(
    desk: Desk, viewers: Viewers, office: PostOffice, service: FilmService
) -> None:
    viewers(4)
    service.idle = {"u-00002"}
    content = {"url": service.url, "name": "statistics", "kind": "personal", "on_failure": "skip"}
    campaign_id = desk.start(template="statistics", context={}, content=content)
    desk.finish()

    assert sorted(office.addresses) == [f"u-0000{n}@example.com" for n in (1, 3)]
    assert desk.progress(campaign_id).skipped == {"no_content": 1, "nothing_to_say": 1}


def test_whoever_has_no_content_of_their_own_is_skipped_and_the_others_are_not(
    desk: Desk, viewers: Viewers, office: PostOffice, service: FilmService
) -> None:
    viewers(4)
    content = {"url": service.url, "name": "statistics", "kind": "personal", "on_failure": "skip"}
    campaign_id = desk.start(template="statistics", context={}, content=content)
    desk.finish()

    assert sorted(office.addresses) == [f"u-0000{n}@example.com" for n in (1, 2, 3)]
    assert desk.progress(campaign_id).skipped == {"no_content": 1}


@pytest.mark.parametrize("status", [500, 302])
def test_a_source_that_fails_or_leads_elsewhere_holds_the_letters_for_a_retry(
    desk: Desk, viewers: Viewers, office: PostOffice, service: FilmService, status: int
) -> None:
    viewers(2)
    service.status = status
    campaign_id = desk.start(template="weekly-digest", context={}, content={"url": service.url, "name": "films"})
    desk.finish()

    assert office.letters == []
    assert desk.progress(campaign_id).queued == 2
    assert desk.head(campaign_id).state == "running"


def test_a_private_address_is_refused_before_anything_is_sent_to_it(service: FilmService) -> None:
    with guarded_session(allow_private=False) as session, pytest.raises(requests.ConnectionError):
        session.get(service.url, timeout=5)

    assert service.calls == []


@pytest.mark.parametrize("url", ["http://films.example/week", "https://169.254.169.254/latest", "https://redis/"])
def test_a_source_that_cannot_be_outside_is_refused_when_it_is_written_down(desk: Desk, url: str) -> None:
    with pytest.raises(InvalidError) as told:
        desk.start(template="weekly-digest", context={}, content={"url": url, "name": "films"})
    assert [error.field for error in told.value.errors] == ["content.url"]


def test_the_reader_of_content_is_made_only_where_it_is_needed(stage: None) -> None:
    assert Stage.own().content_source._session is None


def test_a_campaign_gets_no_older_content_than_it_asks_for(service: FilmService) -> None:
    """Promise A2: what another campaign is content with for a day is not what this one is."""
    source = Stage.own().content_source
    patient, impatient = (Content(url=service.url, name="films", ttl_seconds=seconds) for seconds in (86_400, 0))
    assert source.shared(patient) == FILMS
    service.films = [{"title": "Noise", "url": "https://cinema.example/2"}]

    assert source.shared(patient) == FILMS
    assert source.shared(impatient) == service.films
    assert source.shared(patient) == service.films


@pytest.mark.parametrize(
    ("headers", "dripping"),
    [
        ("Content-Length: 1000", True),
        ("Connection: close", True),
        ("Content-Length: 1000\r\nConnection: close", False),
        ("Transfer-Encoding: chunked", False),
        ("Content-Encoding: gzip\r\nContent-Length: 4", False),
    ],
)
def test_an_answer_that_drips_breaks_off_or_cannot_be_unpacked_is_none(
    stage: None, monkeypatch: pytest.MonkeyPatch, headers: str, dripping: bool
) -> None:
    """Promise I1: it holds no worker, and the campaign does what it says for a source that does not answer."""
    monkeypatch.setattr(web, "_STEP_SECONDS", 0.2)

    def answer(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(f"HTTP/1.1 200 OK\r\n{headers}\r\n\r\n".encode() + b"[1, ")
            while dripping:
                connection.sendall(b" ")
                sleep(0.02)

    with socket.create_server(("127.0.0.1", 0)) as listening, guarded_session(allow_private=True) as session:
        server = Thread(target=answer, args=[listening], daemon=True)
        server.start()
        source = ContentSource(session=lambda: session, clock=lambda: 0.0)
        with pytest.raises(UnavailableError):
            source.shared(Content(url=f"http://127.0.0.1:{listening.getsockname()[1]}/", name="films"))
        server.join()
