"""The API as a WSGI application, for tools that speak HTTP: the fuzzer and the Python client's tests."""

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

from chalice.local import RouteMatcher

from app import app  # noqa: TID251  (here is who calls it)
from tests.integration.api.gateway import lambda_event

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def api(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """One request, as API Gateway takes it to Lambda; 403 for a path that it does not know."""
    path = urlsplit(environ["REQUEST_URI"]).path  # as it was sent: PATH_INFO is decoded
    try:
        matched = RouteMatcher(list(app.routes)).match_route(path)
    except ValueError:
        return _respond(start_response, 403, {}, '{"message":"Missing Authentication Token"}')
    raw = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    query = parse_qs(environ["QUERY_STRING"], keep_blank_values=True)
    event = lambda_event(environ["REQUEST_METHOD"], matched, raw, headers=_headers(environ), query=query)
    answer = app(event, None)
    return _respond(start_response, answer["statusCode"], answer["headers"], answer["body"])


def _headers(environ: dict[str, Any]) -> dict[str, str]:
    sent = {name[5:]: value for name, value in environ.items() if name.startswith("HTTP_")}
    sent |= {name: environ[name] for name in ("CONTENT_TYPE",) if environ.get(name)}
    return {name.replace("_", "-").lower(): value for name, value in sent.items()}


def _respond(start_response: StartResponse, status: int, headers: dict[str, str], body: str) -> list[bytes]:
    start_response(f"{status} {HTTPStatus(status).phrase}", list(headers.items()))
    return [body.encode()]
