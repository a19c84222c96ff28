"""`/v1/notifications`: send a letter, see what became of it, find it, cancel it."""

from functools import partial
from http import HTTPStatus
from typing import Annotated, Any

from pydantic import Field

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import AcceptedNotifications, HistoryPage, NotificationAnswer, ShownStatus
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.clock import Moment
from chalicelib.pipeline.accept import Accepted
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.schemas import StrictModel
from chalicelib.services.history import MAX_DAYS, MAX_PAGE_SIZE, PAGE_SIZE
from chalicelib.services.operator_actions import cancel
from chalicelib.settings import settings
from chalicelib.stage.app import stage

reads = partial(endpoint, scope=Scope.READ, of_all=Scope.READ_ALL)


class PageQuery(StrictModel):
    """Which page of a list."""

    limit: Annotated[int, Field(ge=1, le=MAX_PAGE_SIZE)] = PAGE_SIZE
    cursor: Annotated[str | None, Field(max_length=4096, description="`cursor` of the previous page")] = None


@endpoint(
    "POST",
    "/v1/notifications",
    summary="Send a letter to 1–100 recipients",
    scope=Scope.SEND,
    answer=AcceptedNotifications,
    status=HTTPStatus.ACCEPTED,
    replays=True,
)
def send_notifications(call: Call[NotificationRequest, None]) -> dict[str, Any]:
    """202 is a promise: the notifications are recorded and queued. An Idempotency-Key is remembered as long as they
    are. Texts are normalised: Unicode NFC, `\\n` for every line end, no outer spaces, no control characters; names are
    one line. Whatever depends on the context alone is rendered first: an empty subject and a letter with nothing to say
    are refused; a subject of over 200 characters is cut at a word."""
    accepted = stage().accept.accept(
        call.body, caller=call.caller.key_id, service=call.caller.service, key=call.key, replayed=call.was_made_before
    )
    return {"notifications": [describe_accepted(one) for one in accepted]}


def describe_accepted(accepted: Accepted) -> dict[str, Any]:
    """One accepted notification, with the address where it can be followed."""
    return {
        "id": accepted.id,
        "recipient": accepted.recipient.given(),
        "status": accepted.status,
        "url": f"{settings().public_url}/v1/notifications/{accepted.id}",
        "duplicate": accepted.duplicate,
    }


class SearchQuery(StrictModel):
    """Which notifications; times are RFC 3339 with any offset."""

    since: Annotated[Moment | None, Field(description="start of the span; default: a day before `until`")] = None
    until: Annotated[
        Moment | None, Field(description=f"end of the span (exclusive), at most {MAX_DAYS} days later; default: now")
    ] = None
    template: Annotated[str | None, Field(min_length=1, max_length=64)] = None
    status: ShownStatus | None = None
    cursor: Annotated[str | None, Field(max_length=4096, description="`cursor` of the previous page")] = None


@reads(
    "GET",
    "/v1/notifications",
    summary="Notifications requested within a span of time, newest first",
    answer=HistoryPage,
)
def search_notifications(call: Call[None, SearchQuery]) -> dict[str, Any]:
    """Notifications of campaigns are not included; find them through their campaign or their user. A page holds at most
    twenty, all of one day (UTC), and may be empty: only `cursor` says whether there are more."""
    asked = call.query
    notifications, cursor = stage().history.search(
        since=asked.since,
        until=asked.until,
        template=asked.template,
        status=asked.status,
        cursor=asked.cursor,
        sight=call.sight,
    )
    return {"notifications": notifications, "cursor": cursor}


@reads(
    "GET",
    "/v1/notifications/{id}",
    summary="One notification with its deliveries and their timeline",
    answer=NotificationAnswer,
)
def get_notification(call: Call[None, None]) -> dict[str, Any]:
    """The current state in the ledger."""
    return stage().history.notification(call.path["id"], sight=call.sight)


@endpoint(
    "POST",
    "/v1/notifications/{id}/cancel",
    summary="Cancel what has not been sent",
    scope=Scope.SEND,
    of_all=Scope.CANCEL_ALL,
    answer=NotificationAnswer,
)
def cancel_notification(call: Call[None, None]) -> dict[str, Any]:
    """Deliveries that a worker has already claimed continue; the answer shows which."""
    cancel(call.path["id"], ledger=stage().ledger, sight=call.sight)
    return stage().history.notification(call.path["id"], sight=call.sight)


@reads("GET", "/v1/users/{id}/notifications", summary="A user's notifications, newest first", answer=HistoryPage)
def list_user_notifications(call: Call[None, PageQuery]) -> dict[str, Any]:
    """Empty for an unknown user: the history outlives the profile. A page may hold fewer entries than requested, or
    none; only `cursor` says whether there are more."""
    asked = call.query
    notifications, cursor = stage().history.of_user(
        call.path["id"], limit=asked.limit, cursor=asked.cursor, sight=call.sight
    )
    return {"notifications": notifications, "cursor": cursor}
