"""The page behind an expired link: it says so, and offers a new one. Every page that a token opens ends here when the
token has expired."""

from http import HTTPStatus

from chalice.app import Response

from chalicelib.public.pages import page
from chalicelib.security.signing import ExpiredLinkError
from chalicelib.settings import settings


def expired(error: ExpiredLinkError, token: str, *, locale: str, asked: bool = False) -> Response:
    """The page says nothing about the letter; its button leads to `renewal.py`, which may send one."""
    renewal = f"{settings().public_url}/new-link/{error.purpose.value}/{token}"
    return page("expired", locale=locale, status=HTTPStatus.GONE, asked=asked, renewal=renewal)
