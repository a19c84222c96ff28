"""Errors as `application/problem+json` (RFC 9457), with a field path for each mistake: the one place where errors
become HTTP."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

from chalice.app import Response
from pydantic import BaseModel, ConfigDict

from chalicelib.errors import (
    BusyError,
    ChangedError,
    FieldError,
    InvalidError,
    Phrase,
    TooManyRequestsError,
    VestnikError,
    WouldBreakError,
    phrase_of,
)
from chalicelib.etags import etag
from chalicelib.http_errors import protected, status_of
from chalicelib.observability import begin_request, log_failure, request_id
from chalicelib.text import strict_json

CONTENT_TYPE = "application/problem+json"
_RETRY_AFTER_SECONDS = 5


class ProblemField(BaseModel):
    """One mistake in a request."""

    model_config = ConfigDict(defer_build=True)

    field: str
    message: str


class Problem(BaseModel):
    """RFC 9457 with extensions: `errors`; `request_id`, which identifies the call in the logs; with 412, `errors` name
    what was changed and `etag` is the current one."""

    model_config = ConfigDict(defer_build=True)

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[ProblemField] = []
    request_id: str | None = None
    etag: str | None = None


def problem(
    status: HTTPStatus, detail: str, errors: tuple[FieldError, ...] = (), *, tag: str | None = None
) -> Response:
    body = Problem(
        title=status.phrase,
        status=status.value,
        detail=detail,
        errors=[ProblemField(field=e.field, message=e.message) for e in errors],
        request_id=request_id(),
        etag=etag(tag) if tag else None,
    )
    headers = {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-store"}
    if tag:
        headers["ETag"] = etag(tag)
    if status is HTTPStatus.UNAUTHORIZED:
        headers["WWW-Authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return Response(body.model_dump_json(exclude_none=True), headers=headers, status_code=status.value)


def problem_of(error: VestnikError) -> Response:
    status = status_of(error)
    if isinstance(error, ChangedError):
        return problem(status, error.detail, error.differs, tag=error.tag)
    errors = error.errors if isinstance(error, InvalidError | WouldBreakError) else ()
    response = problem(status, error.detail, errors)
    if isinstance(error, TooManyRequestsError | BusyError):
        response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def answered(view: Callable[..., Response]) -> Callable[..., Response]:
    """For a route that is not an `@endpoint`: the same responses to whatever it raises."""
    return answering(view.__name__, view)


def answering(operation: str, view: Callable[..., Response]) -> Callable[..., Response]:
    """The view, with a problem for whatever it raises. Unexpected errors are logged here, since Chalice would log the
    message too, which may quote the caller's data."""

    @wraps(view)
    def answer(*arguments: Any, **named: Any) -> Response:
        try:
            return view(*arguments, **named)
        except VestnikError as error:
            if status_of(error) >= HTTPStatus.INTERNAL_SERVER_ERROR:
                log_failure("api", error, operation=operation)
            return problem_of(error)
        except Exception as error:
            log_failure("api", error, operation=operation)
            return problem(HTTPStatus.INTERNAL_SERVER_ERROR, "the service failed; the call may be repeated")

    return answer


def plain_json(text: str) -> Any:
    """`strict_json` of a body. Raises: InvalidError (permanent)."""
    try:
        return strict_json(text)
    except ValueError as error:
        raise InvalidError.of("body", Phrase("expected a JSON object: {why}", why=phrase_of(error))) from error


def as_problem(event: Any, get_response: Callable[[Any], Response]) -> Response:
    """Middleware for every call: starts its log context, gives Chalice's own errors (405, 415) our format, and adds the
    security headers."""
    begin_request(event.context.get("requestId"))
    return protected(_in_our_form(get_response(event)))


def _in_our_form(response: Response) -> Response:
    if response.status_code >= HTTPStatus.BAD_REQUEST and isinstance(response.body, dict):
        made = problem(HTTPStatus(response.status_code), str(response.body.get("Message", "")))
        made.headers.update({n: v for n, v in response.headers.items() if n.lower() != "content-type"})
        return made
    return response
