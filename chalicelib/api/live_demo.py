"""`/live-demo`: the reference client, a page with live notifications, the inbox and the chat. Served only where the
stage's settings allow it, because it gives tickets and notifications to anybody."""

from collections.abc import Callable
from functools import cache
from importlib.resources import files

from chalice.app import Response
from pydantic import ValidationError

from chalicelib.api.answers import ApiAnswer
from chalicelib.api.declarations import routes
from chalicelib.api.live import TicketAnswer, issue_ticket
from chalicelib.api.problem import answered, plain_json
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.observability import Line, write_line
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.profiles.model import UserId
from chalicelib.schemas import StrictModel
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.validation import invalid

_EXAMPLE = "new-episode"
_FILES = ("live.js", "page.js", "words.js", "live.css")
_TYPES = {"html": "text/html", "js": "text/javascript", "css": "text/css"}


class DemoBody(StrictModel):
    """Who the visitor claims to be."""

    user_id: UserId


class DemoSent(ApiAnswer):
    """What was sent."""

    id: str


@routes.route("/live-demo/tickets", methods=["POST"])
@answered
def live_demo_ticket() -> Response:
    """A ticket without an API key. On a real site the site's own server requests it for the user it knows."""
    return _for_visitor(lambda user_id: TicketAnswer.model_validate(issue_ticket(user_id)))


@routes.route("/live-demo/notifications", methods=["POST"])
@answered
def live_demo_notification() -> Response:
    """A notification to the visitor, sent the normal way. On a real site a service sends it."""
    return _for_visitor(_send_example)


def _send_example(user_id: str) -> "DemoSent":
    request = NotificationRequest(
        template=_EXAMPLE,
        recipients=(Recipient(user_id=user_id),),
        channels=("live",),
        context=stage().templates.get(_EXAMPLE).sample.context,
    )
    [accepted] = stage().accept.accept(request, caller="live-demo", key=None)
    return DemoSent(id=accepted.id)


def _for_visitor(work: Callable[[str], ApiAnswer]) -> Response:
    _demand_demo()
    try:
        body = DemoBody.model_validate(plain_json(routes.current_request.raw_body.decode(errors="replace")))
    except ValidationError as error:
        raise invalid(error) from error
    answer = work(stage().directory.get(body.user_id).id)
    write_line("api", [Line(counts={"live_demo_200": 1})])
    headers = {"Content-Type": "application/json", "Cache-Control": "no-store"}
    return Response(answer.model_dump_json(), headers=headers)


def _demand_demo() -> None:
    if not settings().live_demo:
        raise NotFoundError(Phrase("the demo is off at this stage"))


def _serve(path: str, name: str) -> None:
    @routes.route(path, methods=["GET"], name=f"live_demo_{name}")
    @answered
    def serve() -> Response:
        return _file(name)


def _file(name: str) -> Response:
    from chalicelib.live.handshake import origin_of  # other API calls do not need the live side

    _demand_demo()
    write_line("api", [Line(counts={"live_demo_200": 1})])
    policy = (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src data:; "
        f"connect-src 'self' {origin_of(settings().live_url)}"
    )
    headers = {
        "Content-Type": f"{_TYPES[name.rpartition('.')[2]]}; charset=utf-8",
        "Cache-Control": "no-cache",
        "Content-Security-Policy": f"{policy}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        "Referrer-Policy": "no-referrer",
    }
    return Response(_text(name), headers=headers)


@cache
def _text(name: str) -> str:
    return (files("templates") / "pages" / name).read_text(encoding="utf-8")


# `live.js` is the client module: any page of a site can hold a connection with it.
for _path, _name in {"": "live.html", **{f"/{name}": name for name in _FILES}}.items():
    _serve(f"/live-demo{_path}", _name)
