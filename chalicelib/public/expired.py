"""A link whose letter is too old: it opens nothing any more, and its reader can ask for a new one. Every page that a
token opens ends here when the token is over."""

from http import HTTPStatus

from chalice.app import Response

from chalicelib.control.tokens import ExpiredLinkError
from chalicelib.public.pages import page
from chalicelib.wiring.own_say import link_renewal

ASK, NEW_LINK = "ask", "new-link"  # the page's own field: what mail programs post by themselves asks for nothing


def expired(error: ExpiredLinkError, *, locale: str, asks: bool) -> Response:
    """The answer is the same whether there is anybody to write to."""
    if asks:
        link_renewal().send(error.claims, error.purpose, locale=locale)
    return page("expired", locale=locale, status=HTTPStatus.GONE, asked=asks)
