"""What a link of an old letter shows: that it is over, and how its reader gets a new one. Every page that a token opens
ends here when the token is over."""

from http import HTTPStatus

from chalice.app import Response

from chalicelib.public.pages import page
from chalicelib.security.tokens import ExpiredLinkError
from chalicelib.settings import settings


def expired(error: ExpiredLinkError, token: str, *, locale: str, asked: bool = False) -> Response:
    """The page tells nothing of the letter; its button asks `renewal.py`, which has the right to send one."""
    renewal = f"{settings().public_url}/new-link/{error.purpose.value}/{token}"
    return page("expired", locale=locale, status=HTTPStatus.GONE, asked=asked, renewal=renewal)
