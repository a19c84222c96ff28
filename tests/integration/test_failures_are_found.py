"""What nobody expected, at every door: the log says which line of code it was and the caller which number to quote, and
neither says a word of what the error quotes."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import pytest
from chalice.app import WebsocketEvent
from chalice.local import MatchResult, RouteMatcher

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.accounts.managers import Role
from chalicelib.admin.views import REGISTERED
from chalicelib.api import websocket as sockets
from chalicelib.api.declarations import ENDPOINTS, Route
from chalicelib.api.openapi import document
from chalicelib.clock import new_id
from chalicelib.storage.dynamodb import dynamodb
from functions import digest, live, load
from tests.integration.admin.conftest import signed_in
from tests.integration.api.gateway import REQUEST_ID, gateway, lambda_event
from tests.processes import forget_log
from tools.api_docs import example_body, example_path, example_query

SECRET = "anna@example.com said: the secret of her letter"


def broken(**_: Any) -> None:
    """A bug, somewhere below."""
    try:
        raise KeyError(SECRET)
    except KeyError as error:
        raise RuntimeError(f"cannot take {SECRET}") from error


@pytest.fixture(autouse=True)
def fresh_log(monkeypatch: pytest.MonkeyPatch, stage: None) -> Iterator[None]:
    """A logger that writes to the standard output of this test."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", new_id())
    forget_log()
    yield
    forget_log()


def route_of(path: str) -> MatchResult:
    return RouteMatcher(list(app.routes)).match_route(path)


def break_it() -> None:
    dynamodb().client.meta.events.register_first("before-send.dynamodb.*", broken)


def the_failure(output: str) -> dict[str, Any]:
    """The one line of the log that reports it. Nothing else was said, and nothing of what the error quotes."""
    assert SECRET not in output
    assert "anna@" not in output
    lines = [json.loads(line) for line in output.splitlines()]
    failure: dict[str, Any]
    [failure] = [line for line in lines if line["level" if "level" in line else "_aws"] == "ERROR"]
    assert failure["error"] == "RuntimeError"
    assert any(re.fullmatch(r"chalicelib/[\w/]+\.py:\d+ \w+", line) for line in failure["trace"])
    assert any("test_failures_are_found.py:" in line and line.endswith(" broken") for line in failure["trace"])
    assert "caused by KeyError" in failure["trace"]
    return failure


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda one: one.operation)
def test_a_call_of_the_api_that_fails_is_found_by_its_number(
    endpoint: Route, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise G1: what nobody expected is logged with its lines of code, and the answer carries the number to quote."""
    described = document("")["paths"][endpoint.path][endpoint.method.lower()]
    caller = gateway()
    break_it()

    raw = app_call(endpoint, caller.key or "", described)

    assert raw["statusCode"] == 500
    assert json.loads(raw["body"])["request_id"] == REQUEST_ID
    assert "anna@" not in json.loads(raw["body"])["detail"]
    failure = the_failure(capsys.readouterr().out)
    assert (failure["operation"], failure["request_id"]) == (endpoint.operation, REQUEST_ID)


def app_call(endpoint: Route, key: str, described: dict[str, Any]) -> dict[str, Any]:
    """The answer as it is: a 500 is in no contract."""
    path = example_path(endpoint.path, described, None)
    body = example_body(described)
    matched = route_of(quote(path))
    raw = b"" if body is None else json.dumps(body).encode()
    headers = {"content-type": "application/json", "authorization": f"Bearer {key}"}
    query = {name: [value] for name, value in (example_query(described) or {}).items()}
    answer: dict[str, Any] = app(lambda_event(endpoint.method, matched, raw, headers=headers, query=query), None)
    return answer


@pytest.mark.parametrize("route", REGISTERED, ids=lambda one: f"{one.method} {one.path}")
def test_a_page_of_the_managers_that_fails_is_found_by_its_number(
    route: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    """Promise G1: managers see the number too, in their language."""
    visitor = signed_in("boss", *Role)
    capsys.readouterr()
    break_it()
    path = route.path.replace("{", "").replace("}", "")

    seen = visitor.get(path) if route.method == "GET" else visitor.post(path, name=SECRET)

    assert seen.status == 500
    assert f"<code>{REQUEST_ID}</code>" in seen.text
    failure = the_failure(capsys.readouterr().out)
    assert (failure["page"], failure["request_id"]) == (route.path, REQUEST_ID)


def test_what_fails_while_a_mistake_is_being_told_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Promise G1: … also where the session has ended and the form of the door is what fails."""
    visitor = signed_in("boss", *Role)
    visitor.cookies.clear()
    assert visitor.post("/admin/settings/sender", typed="[" * 50_000, name="boss").status == 422
    visitor.get("/admin/sign-in")
    capsys.readouterr()
    break_it()

    seen = visitor.post("/admin/settings/sender", typed='{"name": ["Cinema"]}', name="boss", password=SECRET)

    assert seen.status == 500
    assert f"<code>{REQUEST_ID}</code>" in seen.text
    assert the_failure(capsys.readouterr().out)["page"] == "/admin/settings/{name}"


@pytest.mark.parametrize(("language", "words"), [("en", "give support this number"), ("ru", "назовите поддержке")])
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_signing_in_that_fails_is_found(
    capsys: pytest.CaptureFixture[str], method: str, language: str, words: str
) -> None:
    """Promise G1: the pages that need no session, in both languages."""
    visitor = signed_in("boss", *Role)
    visitor.get("/admin/sign-in")
    visitor.says = {"accept-language": language}
    capsys.readouterr()
    break_it()

    seen = visitor.get("/admin") if method == "GET" else visitor.post("/admin/sign-in", name="boss", password="x")

    assert seen.status == 500
    assert words in seen.text
    the_failure(capsys.readouterr().out)


@pytest.mark.parametrize(("language", "words"), [("en", "give support this number"), ("ru", "назовите поддержке")])
def test_a_public_page_that_fails_is_found(capsys: pytest.CaptureFixture[str], language: str, words: str) -> None:
    """Promise G1: readers of letters see the number, in their language."""
    break_it()
    matched = route_of(f"/s/{'a' * 27}")
    event = lambda_event("GET", matched, b"", headers={"accept-language": language}, query={})

    answer = app(event, None)

    assert answer["statusCode"] == 500
    assert words in answer["body"]
    assert REQUEST_ID in answer["body"]
    failure = the_failure(capsys.readouterr().out)
    assert (failure["page"], failure["request_id"]) == ("short_link", REQUEST_ID)


def test_a_route_without_a_key_that_fails_is_found(capsys: pytest.CaptureFixture[str]) -> None:
    """Promise G1: the demo's calls too."""
    break_it()
    matched = route_of("/live-demo/tickets")
    event = lambda_event("POST", matched, b'{"user_id": "anna"}', headers={}, query={})

    answer = app(event, None)

    assert (answer["statusCode"], json.loads(answer["body"])["request_id"]) == (500, REQUEST_ID)
    assert the_failure(capsys.readouterr().out)["operation"] == "live_demo_ticket"


@pytest.mark.parametrize("kind", ["CONNECT", "MESSAGE", "DISCONNECT"])
def test_a_socket_that_fails_is_found(capsys: pytest.CaptureFixture[str], kind: str) -> None:
    """Promise G1: what a WebSocket brings."""
    handlers = {"CONNECT": sockets.on_connect, "MESSAGE": sockets.on_message, "DISCONNECT": sockets.on_disconnect}
    break_it()
    context = {"eventType": kind, "connectionId": "c-1", "apiId": "a", "domainName": "live.cinema.example"}
    context |= {"stage": "api", "requestId": REQUEST_ID}
    event = {"requestContext": context, "body": "hello", "queryStringParameters": {"ticket": "x" * 43}}

    status = handlers[kind](WebsocketEvent(event, None))["statusCode"]

    assert status == (500 if kind == "CONNECT" else 200)
    assert the_failure(capsys.readouterr().out)["request_id"] == REQUEST_ID


class Context:
    """What Lambda gives to a worker."""

    aws_request_id = REQUEST_ID

    def get_remaining_time_in_millis(self) -> int:
        return 60_000


JOBS: dict[Callable[[Any, Any], Any], str] = {
    digest.handler: '{"user_id": "u-1"}',
    live.handler: '{"kind": "greet", "connection_id": "c-1"}',
    load.handler: '{"list_id": "l-1"}',
}


@pytest.mark.parametrize("worker", [digest, live, load], ids=lambda one: one.__name__.rpartition(".")[2])
def test_a_worker_that_fails_is_found(worker: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Promise G1: a worker's message goes back, and the log says where it failed."""
    break_it()

    answer = worker.handler({"Records": [{"messageId": "m-1", "body": JOBS[worker.handler]}]}, Context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}
    failure = the_failure(capsys.readouterr().out)
    assert (failure["message_id"], failure["request_id"]) == ("m-1", REQUEST_ID)


def test_the_trace_of_x_ray_is_on_the_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise G1: where a stage is traced, the line names the trace."""
    monkeypatch.setenv("_X_AMZN_TRACE_ID", "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1")
    break_it()
    gateway_key = "vk_nobody_nothing"
    described = document("")["paths"]["/v1/control"]["get"]
    app_call(next(one for one in ENDPOINTS if one.operation == "get_control"), gateway_key, described)

    assert the_failure(capsys.readouterr().out)["xray_trace_id"] == "1-5759e988-bd862e3fe1be46a994272793"
