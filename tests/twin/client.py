"""The twin in the place of botocore's client of DynamoDB: every repository runs on it as it is."""

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

from botocore.exceptions import ClientError, HTTPClientError
from botocore.hooks import HierarchicalEmitter

from tests.twin.dynamodb import DynamoDB
from tests.twin.values import RefusedError

_ATTEMPTS = 4  # those of `TableMeta`; there is no pause between them
_URL = "https://dynamodb.eu-central-1.amazonaws.com/"


class _Events(HierarchicalEmitter):
    """botocore's own, which knows whether anybody listens at all."""

    heard = False

    def register(self, *what: Any, **how: Any) -> None:
        self.heard = True
        super().register(*what, **how)

    def register_first(self, *what: Any, **how: Any) -> None:
        self.heard = True
        super().register_first(*what, **how)


class Sent(NamedTuple):
    """A request as `before-send` shows it; `arrive` lets it reach the tables."""

    body: bytes
    headers: Mapping[str, bytes]
    arrive: Callable[[], object]
    url: str = _URL


class TwinClient:
    """What PynamoDB needs of a client. Whoever listens to botocore's events hears of the calls as of any other
    (`before-call`, `before-send`, `after-call`), with the request's body as it would be on the wire."""

    _request_signer = None

    def __init__(self, database: DynamoDB) -> None:
        self._database = database
        self._events = _Events()
        self.meta = SimpleNamespace(events=self._events, endpoint_url=_URL)

    def _make_api_call(self, operation: str, request: Mapping[str, Any]) -> dict[str, Any]:
        def answer() -> dict[str, Any]:
            try:
                return self._database.answer(operation, request)
            except RefusedError as error:
                raise ClientError(cast(Any, error_answer(error)), operation) from None

        return self._told(operation, request, answer) if self._events.heard else answer()

    def _told(self, operation: str, request: Mapping[str, Any], answer: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        body = wire(request)
        headers = {"X-Amz-Target": f"DynamoDB_20120810.{operation}".encode()}
        model = SimpleNamespace(name=operation)
        params = {"body": body, "headers": headers, "url": _URL, "method": "POST"}
        _, instead = self._events.emit_until_response(f"before-call.dynamodb.{operation}", model=model, params=params)
        if instead is not None:
            http, parsed = instead
            if http.status_code >= 300:
                raise ClientError(parsed, operation)
            return cast(dict[str, Any], parsed)
        sent = Sent(body, headers, answer)
        for attempt in range(_ATTEMPTS):
            try:
                self._events.emit(f"before-send.dynamodb.{operation}", request=sent)
                break
            except HTTPClientError:
                if attempt + 1 == _ATTEMPTS:
                    raise
        parsed = answer()
        self._events.emit(f"after-call.dynamodb.{operation}", parsed=parsed, model=model, http_response=None)
        return parsed


def error_answer(error: RefusedError) -> dict[str, Any]:
    """As botocore reads it."""
    told = {"Code": error.code, "Message": error.message}
    return {"Error": told, "message": error.message, "ResponseMetadata": {"HTTPStatusCode": 400}, **error.more}


def wire(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":"), default=lambda one: b64encode(one).decode()).encode()


def from_wire(body: bytes) -> Any:
    """A request out of JSON."""

    def bare(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(pairs) == 1 and pairs[0][0] in ("B", "BS"):
            kind, value = pairs[0]
            return {kind: b64decode(value) if kind == "B" else [b64decode(one) for one in value]}
        return dict(pairs)

    return json.loads(body, object_pairs_hook=bare)


def answer_on_the_wire(database: DynamoDB, target: str, body: bytes) -> tuple[int, bytes]:
    """Status and body, for whoever has a client of botocore's own."""
    try:
        return 200, wire(database.answer(target.rpartition(".")[2], from_wire(body)))
    except RefusedError as error:
        kind = f"com.amazonaws.dynamodb.v20120810#{error.code}"
        return 400, wire({"__type": kind, "message": error.message, **error.more})
