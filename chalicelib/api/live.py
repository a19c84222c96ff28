"""`/v1/live` and the inbox over HTTP: tickets to a WebSocket, and what waits for a user who has none."""

from functools import partial
from typing import Annotated, Any

from pydantic import ConfigDict, Field, StrictBool, model_validator

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.clock import rfc3339
from chalicelib.errors import Phrase
from chalicelib.live.frames import MAX_READ_IDS
from chalicelib.profiles.model import UserId
from chalicelib.schemas import StrictModel
from chalicelib.settings import settings
from chalicelib.stage.app import stage
from chalicelib.storage.cursor import read_place, whole, write_cursor

writes = partial(endpoint, scope=Scope.LIVE_WRITE)


class TicketBody(StrictModel):
    """Who will connect."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"user_id": "u-1042"}]})

    user_id: UserId


class TicketAnswer(ApiAnswer):
    """`url` is complete, with the ticket; a program that reads JSON appends `&format=json`."""

    ticket: str
    url: str
    expires_at: str


class InboxEntry(ApiAnswer):
    """One live notification. `cursor` is its position: 1, 2, 3 …"""

    id: str
    cursor: str
    at: str
    read: bool
    title: str
    body: str
    url: str
    template: str
    category: str
    campaign: str | None = None


class InboxAnswer(ApiAnswer):
    """Newest first; `cursor` is null on the last page."""

    entries: list[InboxEntry]
    unread: int
    cursor: str | None


class UnreadAnswer(ApiAnswer):
    """How many are unread now."""

    unread: int


class InboxQuery(StrictModel):
    """Which page of the inbox."""

    limit: Annotated[int, Field(ge=1, le=100, description="entries on a page")] = 20
    cursor: Annotated[str, Field(max_length=1000)] | None = None


class ReadBody(StrictModel):
    """Either `ids`, or `all`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"all": True}]})

    ids: Annotated[tuple[str, ...], Field(min_length=1, max_length=MAX_READ_IDS)] | None = None
    all: StrictBool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> "ReadBody":
        if (self.ids is None) == (not self.all):
            raise ValueError(Phrase("expected `ids`, or `all`: true"))
        return self


@writes(
    "POST",
    "/v1/live/tickets",
    summary="A ticket for one WebSocket connection of a user: single use, 60 seconds",
    answer=TicketAnswer,
)
def create_live_ticket(call: Call[TicketBody, None]) -> dict[str, Any]:
    """The calling service vouches for the user; the directory, which may be another system's, is not asked."""
    return issue_ticket(call.body.user_id)


@endpoint(
    "GET",
    "/v1/users/{id}/inbox",
    summary="A user's live notifications, newest first",
    scope=Scope.LIVE_READ,
    answer=InboxAnswer,
)
def list_user_inbox(call: Call[None, InboxQuery]) -> dict[str, Any]:
    """Empty for a user who has been sent nothing."""
    user_id, scope = call.path["id"], f"inbox:{call.path['id']}"
    given = call.query.cursor
    before = read_place(given, scope=scope, read=lambda key: whole(key["before"], least=1)) if given else None
    page = stage().inbox.page(user_id, before=before, limit=call.query.limit)
    following = write_cursor({"before": page.following}, scope=scope) if page.following else None
    return {"entries": page.entries, "unread": page.head.unread, "cursor": following}


@writes("POST", "/v1/users/{id}/inbox/read", summary="Mark live notifications as read", answer=UnreadAnswer)
def read_user_inbox(call: Call[ReadBody, None]) -> dict[str, Any]:
    """The user's open connections are told the new count too."""
    user_id = call.path["id"]
    unread = (
        stage().inbox_commands.read_all(user_id)
        if call.body.ids is None
        else stage().inbox_commands.read(user_id, call.body.ids)
    )
    return {"unread": unread}


def issue_ticket(user_id: str) -> dict[str, Any]:
    """The answer for one ticket."""
    issued = stage().tickets.issue(user_id)
    url = f"{settings().live_url}?ticket={issued.ticket}"
    return {"ticket": issued.ticket, "url": url, "expires_at": rfc3339(issued.expires_at)}
