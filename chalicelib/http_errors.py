"""The HTTP status of each error, and the headers that protect every answer, for the API and the pages alike."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING

from chalicelib.errors import (
    ChangedError,
    ConflictError,
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
from chalicelib.settings import settings

if TYPE_CHECKING:
    from chalice.app import Response

# Unless the answer says otherwise: no sniffing, scripts, framing, referrer or caching.
PROTECTION: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}
STRICT_TRANSPORT: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000; includeSubDomains"}  # a year

# The most specific first.
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
    """The HTTP status for this error."""
    return next((s for kind, s in _STATUSES.items() if isinstance(error, kind)), HTTPStatus.INTERNAL_SERVER_ERROR)


def protected(response: "Response") -> "Response":
    """The answer with the headers that every answer has. Browsers are told to use TLS only, where there is TLS (RFC
    6797 forbids saying so in the clear)."""
    said = {name.lower() for name in response.headers}
    over_tls = settings().public_url.startswith("https:")
    ours = {**PROTECTION, **(STRICT_TRANSPORT if over_tls else {})}
    response.headers.update({name: value for name, value in ours.items() if name.lower() not in said})
    return response
