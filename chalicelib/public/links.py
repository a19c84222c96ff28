"""`/s/{code}`: short links. GET counts the visit, confirms the address if the link is for that and a person came, and
redirects; HEAD, which scanners and mail programs send, changes nothing."""

from http import HTTPStatus

from chalice.app import Blueprint, Response

from chalicelib.public.pages import PRIVATE
from chalicelib.public.views import Visitor, public_page
from chalicelib.stage.app import stage

routes = Blueprint(__name__)


@public_page(routes, "/s/{code}", methods=["GET", "HEAD"])
def short_link(visitor: Visitor) -> Response:
    """The target is always on the allow-list."""
    code = visitor.path["code"]
    if visitor.method == "HEAD":
        target = stage().link_visits.look(code)
    else:
        target = stage().link_visits.visit(code, user_agent=visitor.user_agent, purpose=visitor.purpose)
    return Response("", headers={**PRIVATE, "Location": target}, status_code=HTTPStatus.FOUND.value)
