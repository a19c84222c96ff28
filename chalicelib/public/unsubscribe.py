"""`/unsubscribe/{token}`: GET shows a button and changes nothing; POST unsubscribes, from the button or from a mail
program (RFC 8058: no cookie, no redirect, 200)."""

from typing import Any

from chalice.app import Blueprint, Response

from chalicelib.public.pages import page, words
from chalicelib.public.views import Visitor, public_page
from chalicelib.security.signing import LetterClaims, Purpose
from chalicelib.stage.app import stage

routes = Blueprint(__name__)


@public_page(routes, "/unsubscribe/{token}", methods=["GET", "HEAD", "POST"])
def unsubscribe(visitor: Visitor) -> Response:
    """Repeating the POST changes nothing."""
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
