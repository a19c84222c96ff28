"""The public pages as a function of their own, with their own rights and concurrency: API Gateway sends their routes
here (`infra/app_template.py`). `app.py` declares it to Chalice and can serve the same routes (ADR 0075)."""

from chalicelib import cold_start

cold_start.begin()

from collections.abc import Callable
from functools import cache
from typing import Any

from chalice.app import Blueprint, Chalice, Response

from chalicelib.http_errors import protected
from chalicelib.observability import begin_request
from chalicelib.public.routes import routes

functions = Blueprint(__name__)


@functions.lambda_function()
def public_pages(event: dict[str, Any], context: Any) -> Any:
    """Answers one request from API Gateway; it knows only these routes."""
    return _pages()(event, context)


@cache
def _pages() -> Chalice:
    # At the first request, since a blueprint belongs to one app: in the API's process that is `app`.
    pages = Chalice(app_name="vestnik", configure_logs=False)
    pages.register_middleware(_begun, "http")
    pages.register_blueprint(routes)
    cold_start.end()
    return pages


def _begun(event: Any, get_response: Callable[[Any], Response]) -> Response:
    begin_request(event.context.get("requestId"))
    return protected(get_response(event))
