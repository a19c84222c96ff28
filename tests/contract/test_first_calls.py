"""A process that a call starts imports what is seldom called when it is called: then it has the very routes of one
that imports everything at once (`app.py`)."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from app import app  # noqa: TID251  (its routes are what is compared)
from bench.cold_start import STARTED
from infra.paths import ROOT

EVERY = {path: sorted(methods) for path, methods in app.routes.items()}
_CALL = """
import json, sys
import app
def known():
    return {path: sorted(methods) for path, methods in app.app.routes.items()}
told = [known()]
for path in sys.argv[1:]:
    context = {"resourcePath": path, "httpMethod": "GET"}
    event = {"requestContext": context, "headers": {}, "pathParameters": None, "stageVariables": None, "body": None,
             "isBase64Encoded": False, "multiValueQueryStringParameters": None, "multiValueHeaders": {}}
    app.app(event, None)
    told.append(known())
sys.stdout.write("\\n" + json.dumps(told))
"""


def known_after(*paths: str, **environment: str) -> list[dict[str, Any]]:
    """The routes of a new process: at its start, and after a call of each of these."""
    answer = subprocess.run(
        [sys.executable, "-c", _CALL, *paths],
        env={**STARTED, **environment, "PATH": os.environ["PATH"]},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    told: list[dict[str, Any]] = json.loads(answer.stdout.splitlines()[-1])
    return told


def under(prefix: str, routes: Mapping[str, Any]) -> dict[str, Any]:
    return {path: methods for path, methods in routes.items() if path.startswith(prefix)}


@pytest.mark.parametrize("paths", [("/live-demo", "/admin"), ("/admin", "/live-demo")])
def test_after_a_call_of_each_kind_every_route_is_there(paths: tuple[str, str]) -> None:
    at_first, _, at_last = known_after(*paths)
    assert "POST" in at_first["/v1/notifications"]
    assert under("/admin", at_first) == {}
    assert at_last == EVERY


def test_a_page_brings_all_pages_and_nothing_else() -> None:
    at_first, afterwards = known_after("/admin")
    assert under("/admin", afterwards) == under("/admin", EVERY)
    assert afterwards.keys() - at_first.keys() == under("/admin", EVERY).keys()


def test_what_nobody_serves_is_refused_as_ever_and_twice() -> None:
    _, once, again = known_after("/v1/nothing", "/v1/nothing")
    assert {path for path in again if again[path]} == {path for path in EVERY if not path.startswith("/admin")}
    assert once == again


def test_a_function_of_the_websocket_starts_without_routes() -> None:
    assert known_after(_HANDLER="app.on_connect") == [{}]


@pytest.mark.parametrize("how", ["snap-start", "provisioned-concurrency"])
def test_where_no_call_waits_everything_is_there_at_once(how: str) -> None:
    assert known_after(AWS_LAMBDA_INITIALIZATION_TYPE=how) == [EVERY]
