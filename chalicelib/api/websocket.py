"""The WebSocket's three handlers: parse the event → call one function → answer. `app.py` registers them."""

import base64
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from chalice.app import WebsocketEvent

from chalicelib.aws_session import session
from chalicelib.errors import ConflictError, ForbiddenError, UnauthorizedError, UnavailableError, VestnikError
from chalicelib.observability import Line, begin_request, log_failure, write_line
from chalicelib.settings import settings
from chalicelib.stage.app import stage

if TYPE_CHECKING:
    from chalicelib.live.handshake import ConnectRequest

_REFUSALS: Mapping[type[VestnikError], int] = {
    UnauthorizedError: 401,
    ForbiddenError: 403,
    ConflictError: 429,
    UnavailableError: 503,
}
_OK = {"statusCode": 200}


def on_connect(event: WebsocketEvent) -> dict[str, int]:
    """`$connect`: anything but 200 refuses the handshake."""
    raw = _begin(event)
    if _is_message(raw):
        return on_message(event)
    try:
        stage().handshake.enter(_connect_request(raw))
    except Exception as error:
        status = next((s for kind, s in _REFUSALS.items() if isinstance(error, kind)), 500)
        if status >= 500:
            log_failure("connect", error)
        _log("connect", {f"refused_{status}": 1})
        return {"statusCode": status}
    _log("connect", {"let_in": 1})
    return _OK


def on_message(event: WebsocketEvent) -> dict[str, int]:
    """`$default`: one frame. The answer goes over the connection, not in this response."""
    raw = _begin(event)
    try:
        line = stage().receive.receive(raw["requestContext"]["connectionId"], _text(raw), endpoint=_endpoint(raw))
    except Exception as error:  # Chalice would log the message too, which may quote the frame
        log_failure("frame", error)
        line = Line(counts={"failed": 1}, failed=True)
    write_line("frame", [line])
    return _OK


def on_disconnect(event: WebsocketEvent) -> dict[str, int]:
    """`$disconnect`: the gateway says so at most once; a connection that it has not reported is found by
    the next post."""
    raw = _begin(event)
    if _is_message(raw):
        return on_message(event)
    try:
        stage().handshake.leave(raw["requestContext"]["connectionId"])
    except Exception as error:  # a connection left behind is found by the next post
        log_failure("disconnect", error)
    _log("disconnect", {"left": 1})
    return _OK


def _begin(event: WebsocketEvent) -> dict[str, Any]:
    raw: dict[str, Any] = event.to_dict()
    begin_request(raw["requestContext"].get("requestId"))
    return raw


def _is_message(raw: Mapping[str, Any]) -> bool:
    # A frame {"action": "$disconnect"} names a route too: it must not reach a handler meant for the gateway.
    return bool(raw["requestContext"].get("eventType") == "MESSAGE")


def _connect_request(raw: Mapping[str, Any]) -> "ConnectRequest":
    from chalicelib.live.handshake import ConnectRequest  # other API calls do not need the live side

    headers = {name.lower(): str(value) for name, value in (raw.get("headers") or {}).items()}
    query = {name: str(value) for name, value in (raw.get("queryStringParameters") or {}).items()}
    context = raw["requestContext"]
    # Set by the gateway; a header such as X-Forwarded-For would be the client's.
    source = (context.get("identity") or {}).get("sourceIp")
    return ConnectRequest(context["connectionId"], _endpoint(raw), headers, query, source)


def _text(raw: Mapping[str, Any]) -> str:
    body = raw.get("body") or ""
    if raw.get("isBase64Encoded"):
        return base64.b64decode(body).decode(errors="replace")
    return str(body)


def _endpoint(raw: Mapping[str, Any]) -> str:
    if settings().live_management_url:
        return settings().live_management_url
    # By the API's id, not the event's domainName: a custom domain has another path (API Gateway, "Use @connections").
    context, region = raw["requestContext"], session().get_config_variable("region")
    suffix = "amazonaws.com.cn" if str(region).startswith("cn-") else "amazonaws.com"
    return f"https://{context['apiId']}.execute-api.{region}.{suffix}/{context['stage']}"


def _log(stage: str, counts: Mapping[str, int]) -> None:
    write_line(stage, [Line(counts=counts)])
