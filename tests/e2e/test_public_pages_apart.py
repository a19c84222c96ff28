"""The pages behind the links of letters are answered by a function of their own: whoever keeps the API busy does not
keep a reader from confirming, unsubscribing or choosing."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Semaphore

import pytest
import requests

from infra.stages import PAGES
from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.test_welcome import PROMO, is_confirmed, link, user, visit, welcome
from tests.serving import serving

__all__ = ["user", "welcome"]

pytestmark = pytest.mark.e2e
API = "vestnik-local"
AT_ONCE = 2  # what the API's function is given here; every one of them is kept busy
_PATIENCE_SECONDS = 60


class SlowSource:
    """A source of content that answers byte after byte, until it is let go."""

    def __init__(self) -> None:
        self.asked, self.let_go = Semaphore(0), Event()
        source = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                source.asked.release()
                while not source.let_go.wait(1):
                    self.wfile.write(b" ")
                self.wfile.write(b"{}")

            def log_message(self, format: str, *args: object) -> None:
                """Overrides the server's: a test prints nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)


@contextmanager
def busy_api(vestnik: Vestnik) -> Iterator[None]:
    """All executions of the API's function wait for something slow."""
    source = SlowSource()
    url = f"http://127.0.0.1:{source.server.server_port}/content"
    campaign = {"name": "Slow", "template": "weekly-digest", "content": {"url": url, "name": "films"}}
    made = vestnik.call("POST", "/v1/campaigns", {**campaign, "audience": {"everyone": True}})
    assert made.status_code == 201, made.text
    body = {"recipients": [{"email": "editor@cinema.example"}]}
    lambdas = vestnik.cloud.account.lambdas
    lambdas.put_function_concurrency(FunctionName=API, ReservedConcurrentExecutions=AT_ONCE)
    with serving(source.server), ThreadPoolExecutor(AT_ONCE) as pool:
        try:
            for _ in range(AT_ONCE):
                pool.submit(vestnik.call, "POST", f"/v1/campaigns/{made.json()['id']}/test", body)
            assert all(source.asked.acquire(timeout=_PATIENCE_SECONDS) for _ in range(AT_ONCE))
            yield
        finally:
            source.let_go.set()
            lambdas.delete_function_concurrency(FunctionName=API)


def said_by(vestnik: Vestnik, function: str) -> str:
    """The log of a function."""
    logs = vestnik.cloud.account.logs
    pages = logs.get_paginator("filter_log_events").paginate(logGroupName=f"/aws/lambda/{function}")
    return "\n".join(event["message"] for page in pages for event in page["events"])


def test_a_reader_is_answered_while_the_api_has_no_execution_left(
    vestnik: Vestnik, user: dict[str, str], welcome: dict[str, str]
) -> None:
    """Promise I1."""
    confirm, preferences = link(vestnik, welcome, "s"), link(vestnik, welcome, "preferences")
    promo = {"template": "promo", "recipients": [{"user_id": user["id"]}], "context": PROMO}
    assert vestnik.call("POST", "/v1/notifications", promo).status_code == 202
    unsubscribe = link(vestnik, eventually(lambda: vestnik.letters(user["email"])[1:])[0], "unsubscribe")
    with busy_api(vestnik):
        refused = requests.get(f"{vestnik.cloud.api_url}/healthz", timeout=30)
        read = [visit("GET", one).status_code for one in (confirm, unsubscribe, preferences)]
        stopped = visit("POST", unsubscribe)
    assert refused.status_code == 429
    assert read == [302, 200, 200]
    assert stopped.status_code == 200
    assert is_confirmed(vestnik, user)


def test_the_function_of_the_pages_answers_them_and_the_api_does_not(vestnik: Vestnik, welcome: dict[str, str]) -> None:
    assert visit("GET", link(vestnik, welcome, "preferences")).status_code == 200
    eventually(lambda: "own_preferences_200" in said_by(vestnik, f"{API}-{PAGES}"))
    assert "own_preferences_" not in said_by(vestnik, API)


def test_the_function_of_the_pages_answers_nothing_else(vestnik: Vestnik) -> None:
    """Even if a wrong deployment sends it another route, it answers no page of the managers."""
    asked = {"httpMethod": "GET", "resourcePath": "/admin", "path": "/admin", "identity": {"sourceIp": "192.0.2.1"}}
    nothing = dict.fromkeys(("body", "pathParameters", "stageVariables", "multiValueQueryStringParameters"))
    event = {**nothing, "requestContext": asked, "headers": {}, "isBase64Encoded": False}
    payload = json.dumps(event).encode()
    answer = vestnik.cloud.account.lambdas.invoke(FunctionName=f"{API}-{PAGES}", Payload=payload)
    assert json.loads(answer["Payload"].read())["statusCode"] >= 400
