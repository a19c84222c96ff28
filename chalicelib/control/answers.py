"""What an error is to whoever asked by HTTP, and pydantic's mistakes as ours: shared by the API and the admin page."""

from collections.abc import Mapping
from http import HTTPStatus

from pydantic import ValidationError

from chalicelib.errors import (
    ChangedError,
    ConflictError,
    FieldError,
    ForbiddenError,
    InvalidError,
    MisconfiguredError,
    NotFoundError,
    TooLargeError,
    TooManyRequestsError,
    UnauthorizedError,
    UnavailableError,
    VestnikError,
)

# The most special first.
_STATUSES: Mapping[type[VestnikError], HTTPStatus] = {
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    InvalidError: HTTPStatus.UNPROCESSABLE_ENTITY,
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ChangedError: HTTPStatus.PRECONDITION_FAILED,
    ConflictError: HTTPStatus.CONFLICT,
    TooManyRequestsError: HTTPStatus.TOO_MANY_REQUESTS,
    MisconfiguredError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


def status_of(error: VestnikError) -> HTTPStatus:
    """The status of an answer to what raised this."""
    return next((s for kind, s in _STATUSES.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def invalid(error: ValidationError) -> InvalidError:
    """Our error for pydantic's, with paths such as `recipients[3].email`."""
    fields = []
    mistakes = error.errors(include_url=False, include_input=False)
    inside = {mistake["loc"][:-1] for mistake in mistakes} | {mistake["loc"][:-2] for mistake in mistakes}
    for mistake in mistakes:
        if mistake["type"] == "too_short" and mistake["loc"] in inside:
            continue  # pydantic does not count the items of a tuple that it has named bad
        path = "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in mistake["loc"]).lstrip(".")
        message = mistake["msg"].removeprefix("Value error, ")
        fields.append(FieldError(path or "body", message))
    names = ", ".join(dict.fromkeys(f.field for f in fields))
    return InvalidError(f"the request is not as expected: {names}", fields)
