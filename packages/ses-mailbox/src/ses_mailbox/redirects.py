"""The redirect domain of the configuration sets: a tracked link leads on and is told as Click, the picture as Open."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from ses_mailbox.events import Event
from ses_mailbox.rules import Account
from ses_mailbox.store import Store

_GIF = bytes.fromhex("47494638396101000100800000000000ffffff21f90401000000002c00000000010001000002024401003b")


@dataclass(frozen=True)
class Redirects:
    """`wake` as in `SendingApi`."""

    store: Store
    account: Account
    wake: Callable[[], None] | None

    def routes(self) -> list[Route]:
        """The paths that `tracking` makes."""
        return [Route("/CL0/{rest:path}", self.click), Route("/CI0/{id}/{seal}", self.open)]

    def click(self, request: Request) -> Response:
        """Leads on to the link itself."""
        link, _, message_id, _ = request.scope["raw_path"].decode().removeprefix("/CL0/").split("/")
        link = unquote(link)
        if request.method == "GET":
            self._tell(message_id, Event(type="Click", link=link, user_agent=_agent(request)))
        return RedirectResponse(link, status_code=302)

    def open(self, request: Request) -> Response:
        """The picture."""
        if request.method == "GET":
            self._tell(request.path_params["id"], Event(type="Open", user_agent=_agent(request)))
        return Response(_GIF, media_type="image/gif", headers={"Cache-Control": "no-store"})

    def _tell(self, message_id: str, event: Event) -> None:
        letter = self.store.get(message_id)
        if letter is not None and self.wake is not None and self.account.tells(letter.configuration_set, event):
            self.store.add_events([(letter.id, event.model_dump_json(exclude_defaults=True))])
            self.wake()


def _agent(request: Request) -> str:
    return request.headers.get("user-agent", "")
