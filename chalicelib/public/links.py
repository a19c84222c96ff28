"""`/s/{code}`: short links. GET counts the visit, confirms where the link is for that and a person came, and redirects;
HEAD changes nothing (scanners and mail programs send it)."""

from http import HTTPStatus

from chalice.app import Blueprint, Response

from chalicelib.public.pages import PRIVATE
from chalicelib.public.views import Visitor, public_page
from chalicelib.wiring.desk import visit

routes = Blueprint(__name__)


@public_page(routes, "/s/{code}", methods=["GET", "HEAD"])
def short_link(visitor: Visitor) -> Response:
    """The way out is always an address on the allow-list."""
    code = visitor.path["code"]
    if visitor.method == "HEAD":
        target = visit().look(code)
    else:
        target = visit().visit(code, user_agent=visitor.user_agent, purpose=visitor.purpose)
    return Response("", headers={**PRIVATE, "Location": target}, status_code=HTTPStatus.FOUND.value)
