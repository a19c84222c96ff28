"""API Gateway for the tests: builds the event that Lambda gets, calls the app, and holds every answer against what
`/openapi.json` promises of it."""

import base64
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from chalice.local import MatchResult, RouteMatcher
from openapi_schema_validator import OAS31Validator

from app import app  # noqa: TID251  (here is who calls it)
from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.api.openapi import document
from chalicelib.manifest import CONSUMERS
from chalicelib.settings import settings
from tests.integration.conftest import TABLES, messages_in
from tests.twin.process import of_the_stage

PROBLEM = "application/problem+json"
REQUEST_ID = "5f1c9d2e-gateway"  # of every call
PROMO: dict[str, Any] = {
    "template": "promo",
    "context": {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"},
}


@dataclass(frozen=True)
class Reply:
    """An answer of the API. `body` is read as JSON where it is JSON."""

    status: int
    headers: Mapping[str, str]
    text: str

    @property
    def body(self) -> Any:
        return json.loads(self.text)

    @property
    def bad_fields(self) -> list[str]:
        """The fields that a problem names, in order."""
        return [one["field"] for one in self.body["errors"]]


@dataclass(frozen=True)
class Gateway:
    """Calls the API as one service; `key` None sends no Authorization."""

    key: str | None
    headers: Mapping[str, str] = field(default_factory=dict)

    def post(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self.call("POST", path, body, headers=_named(headers))

    def put(self, path: str, body: Any = None) -> Reply:
        return self.call("PUT", path, body)

    def patch(self, path: str, body: Any = None, **headers: str) -> Reply:
        return self.call("PATCH", path, body, headers=_named(headers))

    def get(self, path: str, **query: str) -> Reply:
        return self.call("GET", path, query=query)

    def delete(self, path: str) -> Reply:
        return self.call("DELETE", path)

    def call(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str | list[str]] | None = None,
    ) -> Reply:
        """One call; `bytes` are sent as they are, anything else as JSON. The answer is checked against the contract."""
        raw = (
            body if isinstance(body, bytes) else b"" if body is None else json.dumps(body, ensure_ascii=False).encode()
        )
        sent = {"content-type": "application/json", **self.headers, **(headers or {})}
        if self.key is not None:
            sent["authorization"] = f"Bearer {self.key}"
        matched = route_of(path)
        given = {name: [value] if isinstance(value, str) else value for name, value in (query or {}).items()}
        event = lambda_event(method, matched, raw, headers=sent, query=given)
        answer = app(event, None)
        received = {name.lower(): value for name, value in answer["headers"].items()}
        reply = Reply(answer["statusCode"], received, answer["body"])
        check_against_contract(method, matched.route, reply)
        return reply


@cache
def route_of(path: str) -> MatchResult:
    """Where API Gateway leads; there are two hundred routes to look through, and most paths are asked for often."""
    return RouteMatcher(list(app.routes)).match_route(quote(path))


def lambda_event(
    method: str,
    matched: MatchResult,
    raw: bytes,
    *,
    headers: Mapping[str, str],
    query: Mapping[str, list[str]],
    ip: str = "192.0.2.1",
) -> dict[str, Any]:
    """What API Gateway's REST API gives to Lambda for one request to the route that was matched. Under a domain of its
    own both paths begin with the base path; the resource and what was captured do not."""
    ours = urlsplit(settings().public_url)
    path = ours.path + matched.route.format(**matched.captured)
    return {
        "resource": matched.route,
        "path": path,
        "httpMethod": method,
        "requestContext": {
            "httpMethod": method,
            "resourcePath": matched.route,
            "identity": {"sourceIp": ip},
            "path": path,
            "domainName": ours.hostname,
            "stage": "api",
            "requestId": REQUEST_ID,
        },
        "headers": headers,
        "pathParameters": {name: unquote(value) for name, value in matched.captured.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "stageVariables": None,
        "body": base64.b64encode(raw).decode(),
        "isBase64Encoded": True,
    }


def gateway(*scopes: Scope, service: str = "test", made_by: str | None = None) -> Gateway:
    """A service with a key of its own; with every scope where none is named."""
    return Gateway(create_key(service, scopes or tuple(Scope), made_by=made_by))


def check_against_contract(method: str, route: str, reply: Reply) -> None:
    """Status, content type and body are what the OpenAPI document says about this operation. A method that the path
    does not have is answered by a problem."""
    whole = document(settings().public_url)
    operation = whole["paths"].get(route, {}).get(method.lower())
    if operation is None:
        if route.startswith("/v1/"):
            assert reply.status == 405
            _check({"$ref": "#/components/schemas/Problem"}, reply)
        return
    described = operation["responses"].get(str(reply.status))
    assert described is not None, f"{method} {route} answered {reply.status}, of which the document says nothing"
    contents = described.get("content")
    if contents is None:
        assert reply.text == ""
        return
    kind = reply.headers["content-type"]
    assert kind in contents, f"{method} {route} {reply.status}: {kind}"
    _check(contents[kind]["schema"], reply)


def _check(schema: Mapping[str, Any], reply: Reply) -> None:
    mistakes = [
        f"{error.json_path}: {error.message}" for error in _validator(json.dumps(schema)).iter_errors(reply.body)
    ]
    assert mistakes == []


@cache
def _validator(schema: str) -> OAS31Validator:
    components = document(settings().public_url)["components"]
    return OAS31Validator({**json.loads(schema), "components": components})


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


def without_hashes(text: str) -> str:
    """What is stored, to be searched for a person: in a keyed hash any four letters may stand by chance."""
    return re.sub(r"(?<![\w-])[\w-]{27}(?![\w-])", "", text)


def stored_rows() -> list[Any]:
    """Every row of every table, left out the keys of services, the audit, which reports refusals too, and how often
    somebody has asked."""
    kept = of_the_stage().tables
    holding = [table for table in TABLES if kept[settings().resource(table.Meta.thing)].items]
    aside = ("api-keys", "audit", "allowances")
    return [row for table in holding if table.Meta.thing not in aside for row in table.scan()]


def nothing_happened() -> bool:
    """No row was written and no job was queued."""
    return stored_rows() == [] and all(messages_in(q) == 0 for name in CONSUMERS for q in (name, f"{name}-dlq"))
