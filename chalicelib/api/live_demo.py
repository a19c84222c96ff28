"""`/live-demo`: the reference client, a page that shows live notifications, the inbox and the chat. Served only where
the stage's settings say so, because it gives tickets to whoever asks.
"""

from functools import cache
from http import HTTPStatus
from importlib.resources import files

from chalice.app import Blueprint, Response
from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.api.live import TicketAnswer, issue_ticket
from chalicelib.api.problem import plain_json, problem, problem_of
from chalicelib.control.answers import invalid
from chalicelib.errors import NotFoundError, VestnikError
from chalicelib.live.door import origin_of
from chalicelib.observability import Line, write_line
from chalicelib.profiles.model import UserId
from chalicelib.settings import settings
from chalicelib.wiring.people import directory

routes = Blueprint(__name__)
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}


class DemoBody(BaseModel):
    """Who the visitor says they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)

    user_id: UserId


@routes.route("/live-demo", methods=["GET"])
def live_demo() -> Response:
    """The page."""
    return _file("live.html")


@routes.route("/live-demo/live.js", methods=["GET"])
def live_demo_client() -> Response:
    """The client: what any page of a site can hold a connection with."""
    return _file("live.js")


@routes.route("/live-demo/page.js", methods=["GET"])
def live_demo_script() -> Response:
    """What this page shows of it."""
    return _file("page.js")


@routes.route("/live-demo/words.js", methods=["GET"])
def live_demo_words() -> Response:
    """What this page says."""
    return _file("words.js")


@routes.route("/live-demo/live.css", methods=["GET"])
def live_demo_style() -> Response:
    """Its style."""
    return _file("live.css")


@routes.route("/live-demo/tickets", methods=["POST"])
def live_demo_ticket() -> Response:
    """A ticket without an API key. On a real site the site's own server asks for it, for the user it knows."""
    try:
        _demand_demo()
        body = DemoBody.model_validate(plain_json(routes.current_request.raw_body.decode(errors="replace")))
        answer = TicketAnswer.model_validate(issue_ticket(directory().get(body.user_id).id))
    except ValidationError as error:
        return problem_of(invalid(error))
    except VestnikError as error:
        return problem_of(error)
    write_line("api", [Line(counts={"live_demo_ticket_200": 1})])
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(answer.model_dump_json(), headers=headers)


def _demand_demo() -> None:
    if not settings().live_demo:
        raise NotFoundError("the demo is off at this stage")


def _file(name: str) -> Response:
    try:
        _demand_demo()
    except NotFoundError as error:
        return problem(HTTPStatus.NOT_FOUND, error.detail)
    write_line("api", [Line(counts={"live_demo_200": 1})])
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        f"connect-src 'self' {origin_of(settings().live_url)}"
    )
    headers = {
        "Content-Type": f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
    }
    return Response(_text(name), headers=headers)


@cache
def _text(name: str) -> str:
    return (files("templates") / "pages" / name).read_text(encoding="utf-8")
