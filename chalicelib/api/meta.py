"""What needs no key: health, the OpenAPI document and its page."""

import json
from typing import Any

from chalice.app import Response

from chalicelib.api.declarations import routes
from chalicelib.api.docs_page import docs_page
from chalicelib.api.openapi import document
from chalicelib.api.problem import answered
from chalicelib.observability import Line, write_line
from chalicelib.settings import settings

_CACHE = "public, max-age=60"
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"


@routes.route("/healthz", methods=["GET"])
@answered
def healthz() -> Response:
    """Alive: the code is loaded and its settings are complete."""
    return _answer("healthz", {"status": "ok", "stage": settings().stage}, cache="no-store")


@routes.route("/openapi.json", methods=["GET"])
@answered
def openapi() -> Response:
    """The OpenAPI document, generated from the routes."""
    return _answer("openapi", document(settings().public_url), cache=_CACHE)


@routes.route("/docs", methods=["GET"])
@answered
def docs() -> Response:
    """The OpenAPI document for people."""
    write_line("api", [Line(counts={"docs_200": 1})])
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Cache-Control": _CACHE,
        "Content-Security-Policy": _POLICY,
    }
    return Response(docs_page(document(settings().public_url)), headers=headers)


def _answer(name: str, content: dict[str, Any], *, cache: str) -> Response:
    write_line("api", [Line(counts={f"{name}_200": 1})])
    headers = {"Content-Type": "application/json", "Cache-Control": cache}
    return Response(json.dumps(content, ensure_ascii=False), headers=headers)
