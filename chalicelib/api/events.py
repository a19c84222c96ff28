"""`/v1/events`: something happened on the site; rules decide which letters follow."""

from http import HTTPStatus
from typing import Any

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer, ShownStatus
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.services.event_intake import Event
from chalicelib.settings import settings
from chalicelib.stage.app import stage


class FollowingAnswer(ApiAnswer):
    """One letter that follows from the event."""

    id: str
    template: str
    status: ShownStatus
    url: str


class EventAnswer(ApiAnswer):
    """`notifications` is empty if no rule matches the event."""

    id: str
    type: str
    notifications: list[FollowingAnswer]

    def log_ids(self) -> list[str]:
        return [one.id for one in self.notifications]


@endpoint(
    "POST",
    "/v1/events",
    summary="Report an event, from which rules make letters",
    scope=Scope.EVENTS_WRITE,
    answer=EventAnswer,
    status=HTTPStatus.ACCEPTED,
    problems={HTTPStatus.CONFLICT: "the id was used for another event"},
)
def tell_event(call: Call[Event, None]) -> dict[str, Any]:
    """The event's `id` is its idempotency key: repeated, it creates no second letter; with another body it is 409."""
    following = stage().event_intake.take(call.body, caller=call.caller.key_id, service=call.caller.service)
    letters = [
        {
            "id": one.accepted.id,
            "template": one.template,
            "status": one.accepted.status,
            "url": f"{settings().public_url}/v1/notifications/{one.accepted.id}",
        }
        for one in following
    ]
    return {"id": call.body.id, "type": call.body.type, "notifications": letters}
