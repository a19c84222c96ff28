"""What letters link to, apart from the preferences: short links, unsubscribing, and a new link for an old letter."""

from http import HTTPStatus
from typing import Any

from chalice.app import Response

from chalicelib.errors import NotFoundError, Phrase
from chalicelib.public.pages import PRIVATE, expired, page, words
from chalicelib.public.views import Visitor, public_page
from chalicelib.security.signing import RENEWED, ExpiredLinkError, LetterClaims, Purpose
from chalicelib.settings import settings
from chalicelib.stage.app import stage


@public_page("/s/{code}", methods=["GET", "HEAD"])
def short_link(visitor: Visitor) -> Response:
    """GET counts the visit, confirms the address if the link is for that and a person came, and redirects; HEAD, which
    scanners and mail programs send, changes nothing. The target is always on the allow-list."""
    code = visitor.path["code"]
    if visitor.method == "HEAD":
        target = stage().link_visits.look(code)
    else:
        target = stage().link_visits.visit(code, user_agent=visitor.user_agent, purpose=visitor.purpose)
    return Response("", headers={**PRIVATE, "Location": target}, status_code=HTTPStatus.FOUND.value)


@public_page("/unsubscribe/{token}", methods=["GET", "HEAD", "POST"])
def unsubscribe(visitor: Visitor) -> Response:
    """GET shows a button and changes nothing; POST unsubscribes, from the button or from a mail program (RFC 8058: no
    cookie, no redirect, 200). Repeating it changes nothing."""
    claims = stage().tokens.read(Purpose.UNSUBSCRIBE, visitor.path["token"])
    if visitor.method != "POST":
        return page("unsubscribe", locale=visitor.locale, **_about(claims, visitor.locale))
    everything = visitor.form.get("scope") == "everything"
    stage().unsubscribe.unsubscribe(claims, everything=everything)
    return page("unsubscribed", locale=visitor.locale, everything=everything, **_about(claims, visitor.locale))


def _about(claims: LetterClaims, locale: str) -> dict[str, Any]:
    names = words(locale)["categories"]
    name = ", ".join(names[one.category]["name"] if one.category in names else one.category for one in claims.each())
    return {
        "is_user": claims.user_id is not None,
        "category": name,
        "address": None if claims.user_id else claims.address,
    }


@public_page("/new-link/{purpose}/{token}", methods=["GET", "HEAD", "POST"], sends=True)
def new_link(visitor: Visitor) -> Response:
    """POST sends a new link to the reader of an old letter. The API's function serves it: the other pages' function has
    no right to send. The answer is the same whether there is anybody to write to; a link that still works is redirected
    to."""
    purpose, token = visitor.path["purpose"], visitor.path["token"]
    if purpose not in RENEWED:
        raise NotFoundError(Phrase("this link was not made by this service"))
    try:
        stage().tokens.read(Purpose(purpose), token)
    except ExpiredLinkError as error:
        asks = visitor.method == "POST"
        if asks:
            stage().link_renewal.send(error.claims, error.purpose, locale=visitor.locale)
        return expired(error, token, locale=visitor.locale, asked=asks)
    place = f"{settings().public_url}/{purpose}/{token}"
    return Response("", headers={"Location": place, **PRIVATE}, status_code=HTTPStatus.SEE_OTHER.value)
