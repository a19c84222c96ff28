"""The mailbox's own JSON interface, for tests, benchmarks and people with curl.

The plain functions here run in a thread of Starlette's pool, so that a long list does not hold up the sending."""

from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import quote

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ses_mailbox.calls import CallLog
from ses_mailbox.events import Event
from ses_mailbox.faults import Fault, Faults
from ses_mailbox.letters import Letter
from ses_mailbox.modes import Modes
from ses_mailbox.rules import Account
from ses_mailbox.shapes import Attachment
from ses_mailbox.store import Search, Store


@dataclass(frozen=True)
class JsonApi:
    """Letters, events, faults and statistics. `wake` as in `SendingApi`."""

    store: Store
    log: CallLog
    faults: Faults
    wake: Callable[[], None] | None
    account: Account

    def routes(self) -> list[Route]:
        """Every path is under `/api`."""
        return [
            Route("/api/messages", self.list_messages, methods=["GET"]),
            Route("/api/messages", self.delete_messages, methods=["DELETE"]),
            Route("/api/messages/{id}", self.get_message, methods=["GET"]),
            Route("/api/messages/{id}/source", self.get_source, methods=["GET"]),
            Route("/api/messages/{id}/attachments/{n:int}", self.get_attachment, methods=["GET"]),
            Route("/api/messages/{id}/events", self.add_event, methods=["POST"]),
            Route("/api/faults", self.list_faults, methods=["GET"]),
            Route("/api/faults", self.add_fault, methods=["POST"]),
            Route("/api/faults", self.delete_faults, methods=["DELETE"]),
            Route("/api/faults/{id:int}", self.delete_faults, methods=["DELETE"]),
            Route("/api/account", self.get_account, methods=["GET"]),
            Route("/api/account", self.put_account, methods=["PUT"]),
            Route("/api/stats", self.get_stats, methods=["GET"]),
            Route("/api/stats", self.delete_stats, methods=["DELETE"]),
        ]

    def list_messages(self, request: Request) -> Response:
        """Oldest first; `to` and `subject` are parts, `after` an id or a time, `limit` a number."""
        query = request.query_params
        limit = query.get("limit", "")
        if limit and not (limit.isdecimal() and len(limit) < 9):
            return problem(422, "limit: expected a number")
        search = Search(
            to=query.get("to", ""),
            subject=query.get("subject", ""),
            after=query.get("after", ""),
            limit=int(limit) if limit else -1,
        )
        try:
            return JSONResponse([letter.as_json() for letter in self.store.find(search)])
        except KeyError:
            return problem(404, "after: no such letter")

    def get_message(self, request: Request) -> Response:
        """One letter."""
        letter = self._letter(request)
        return JSONResponse(letter.as_json()) if letter else problem(404, "no such letter")

    def get_source(self, request: Request) -> Response:
        """The whole MIME message."""
        letter = self._letter(request)
        if letter is None:
            return problem(404, "no such letter")
        # Never as message/rfc822 or HTML: a browser must show it and not act on it.
        nosniff = {"X-Content-Type-Options": "nosniff"}
        return Response(letter.source(), media_type="text/plain; charset=utf-8", headers=nosniff)

    def get_attachment(self, request: Request) -> Response:
        """One file of a letter, counted from 0: to be saved, or as a picture of the letter, never to be run."""
        letter = self._letter(request)
        found = letter.attachments[request.path_params["n"] :][:1] if letter else ()
        if not found:
            return problem(404, "no such attachment")
        return download(found[0])

    def delete_messages(self, _request: Request) -> Response:
        """Empties the mailbox."""
        return JSONResponse({"deleted": self.store.clear()})

    async def add_event(self, request: Request) -> Response:
        """Makes something happen to a letter: Open, Click, DeliveryDelay and so on."""
        letter = self._letter(request)
        if letter is None:
            return problem(404, "no such letter")
        try:
            event = Event.model_validate_json(await request.body())
        except ValidationError as error:
            return invalid(error)
        if self.wake is None or not self.account.tells(letter.configuration_set, event):
            return problem(409, "no events: no topic is set up, or the letter's configuration set does not report it")
        self.store.add_events([(letter.id, event.model_dump_json(exclude_defaults=True))])
        self.wake()
        return JSONResponse({"queued": 1}, status_code=202)

    async def add_fault(self, request: Request) -> Response:
        """Sets a fault."""
        try:
            fault = Fault.model_validate_json(await request.body())
        except ValidationError as error:
            return invalid(error)
        return JSONResponse({"id": self.faults.add(fault)}, status_code=201)

    def list_faults(self, _request: Request) -> Response:
        """Every fault with the count of its firings."""
        return JSONResponse(self.faults.listed())

    def delete_faults(self, request: Request) -> Response:
        """Removes one fault, or all."""
        found = self.faults.remove(request.path_params.get("id"))
        return Response(status_code=204) if found else problem(404, "no such fault")

    def get_account(self, _request: Request) -> Response:
        """What is wrong with the account."""
        return JSONResponse(self.account.modes.now.model_dump(mode="json"))

    async def put_account(self, request: Request) -> Response:
        """Makes something wrong with the account; `{}` makes it healthy."""
        try:
            self.account.modes.now = Modes.model_validate_json(await request.body())
        except ValidationError as error:
            return invalid(error)
        return self.get_account(request)

    def get_stats(self, request: Request) -> Response:
        """Accepted letters, calls and their times, from `since` (a time) on."""
        return JSONResponse(self.log.stats(request.query_params.get("since", "")))

    def delete_stats(self, _request: Request) -> Response:
        """Counts from nought again."""
        self.log.clear()
        return Response(status_code=204)

    def _letter(self, request: Request) -> Letter | None:
        return self.store.get(request.path_params["id"])


def download(one: Attachment) -> Response:
    """A stranger's file: the browser saves it, and shows it in nothing but an `img`."""
    headers = {
        "Content-Disposition": f"attachment; filename*=UTF-8''{quote(one.file_name)}",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(one.raw_content, media_type=one.content_type or one.media_type, headers=headers)


def problem(status: int, detail: str) -> Response:
    """An `application/problem+json` (RFC 9457)."""
    return JSONResponse({"status": status, "detail": detail}, status, media_type="application/problem+json")


def invalid(error: ValidationError) -> Response:
    """422 with the path of each bad field."""
    mistakes = error.errors(include_input=False, include_url=False, include_context=False)
    return problem(422, "; ".join(f"{'.'.join(map(str, m['loc'])) or 'body'}: {m['msg']}" for m in mistakes))
