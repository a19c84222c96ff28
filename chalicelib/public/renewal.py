"""`/new-link/{purpose}/{token}`: POST sends a new link to the reader of an old letter. The API's function serves it:
the other pages' function has no right to send."""

from http import HTTPStatus

from chalice.app import Blueprint, Response

from chalicelib.errors import NotFoundError, Phrase
from chalicelib.public.expired import expired
from chalicelib.public.pages import PRIVATE
from chalicelib.public.views import Visitor, public_page
from chalicelib.security.signing import ExpiredLinkError, Purpose
from chalicelib.settings import settings
from chalicelib.stage.app import stage

routes = Blueprint(__name__)


@public_page(routes, "/new-link/{purpose}/{token}", methods=["GET", "HEAD", "POST"], sends=True)
def new_link(visitor: Visitor) -> Response:
    """The answer is the same whether there is anybody to write to; a link that still works is redirected to."""
    purpose, token = visitor.path["purpose"], visitor.path["token"]
    if purpose not in list(Purpose):
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
