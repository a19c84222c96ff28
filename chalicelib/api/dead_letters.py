"""`/v1/control/dead-letters` and `/v1/control/attention`: what no worker could finish, for a person to decide."""

from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StrictInt

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.control import Reason
from chalicelib.api.endpoint import endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import InvalidError, Phrase
from chalicelib.schemas import StrictModel
from chalicelib.services.operator_actions import describe_dead_letter
from chalicelib.stage.app import stage
from chalicelib.storage.deliveries import Delivery

reads = partial(endpoint, scope=Scope.CONTROL_READ)
writes = partial(endpoint, scope=Scope.CONTROL_WRITE)
MAX_REDRIVE = 500


class RedriveBody(StrictModel):
    """Which dead letters: all of them up to `limit`, or those with these `ids`."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit": 100}]})

    limit: Annotated[StrictInt, Field(ge=1, le=MAX_REDRIVE)] = 100
    ids: Annotated[tuple[str, ...] | None, Field(max_length=MAX_REDRIVE)] = None


class DropBody(RedriveBody):
    """Why they are deleted."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit": 100, "reason": "letters of a test"}]})

    reason: Reason


class AttentionBody(StrictModel):
    """`retry` sends it again; `assume_sent` leaves it as sent."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"action": "retry"}]})

    action: Literal["retry", "assume_sent"]


class DeadLetterAnswer(ApiAnswer):
    """A message that no retry could handle, without personal data."""

    id: str
    sent_at: datetime
    receives: int
    size_bytes: int
    readable: bool
    template: str | None = None
    attempt: int | None = None
    notification_ids: Annotated[list[str], Field(default_factory=list)]


class DeadLettersAnswer(ApiAnswer):
    """Some of them; `count` is approximately how many there are."""

    count: int
    messages: list[DeadLetterAnswer]


class MovedAnswer(ApiAnswer):
    """How many were moved or dropped, and approximately how many are left."""

    moved: int
    left: int


class AttentionAnswer(ApiAnswer):
    """A delivery of which nobody knows whether the provider has it."""

    delivery_id: str
    notification_id: str
    channel: str
    reason: str | None
    since: str


class AttentionPage(ApiAnswer):
    """Oldest first."""

    deliveries: list[AttentionAnswer]
    cursor: str | None


@reads("GET", "/v1/control/dead-letters/{name}", summary="Read the dead letters of a queue", answer=DeadLettersAnswer)
def get_dead_letters(call: Call[None, PageQuery]) -> dict[str, Any]:
    """They stay in the queue; reading them hides them from the next call for two seconds."""
    letters = stage().dead_letters.look(call.path["name"], limit=call.query.limit)
    return {
        "count": stage().dead_letters.count(call.path["name"]),
        "messages": [describe_dead_letter(letter) for letter in letters],
    }


@writes(
    "POST",
    "/v1/control/dead-letters/{name}/redrive",
    summary="Put dead letters back into their queue",
    answer=MovedAnswer,
)
def redrive_dead_letters(call: Call[RedriveBody, None]) -> dict[str, Any]:
    """What was sent before stays sent. A call ends in time, done or not: repeat while `left` is not 0."""
    name = call.path["name"]
    moved = stage().operator_actions.redrive(name, limit=call.body.limit, ids=call.body.ids)
    return {"moved": moved, "left": stage().dead_letters.count(name)}


@writes("POST", "/v1/control/dead-letters/{name}/drop", summary="Delete dead letters", answer=MovedAnswer)
def drop_dead_letters(call: Call[DropBody, None]) -> dict[str, Any]:
    """They are gone for good; who deleted them, and why, is logged."""
    name = call.path["name"]
    by = f"key:{call.caller.key_id}"
    moved = stage().operator_actions.drop(
        name, limit=call.body.limit, ids=call.body.ids, reason=call.body.reason, by=by
    )
    return {"moved": moved, "left": stage().dead_letters.count(name)}


@reads("GET", "/v1/control/attention", summary="Deliveries that wait for a person", answer=AttentionPage)
def get_attention(call: Call[None, PageQuery]) -> dict[str, Any]:
    """Nobody knows whether the provider has them; they are not resent automatically."""
    rows, cursor = stage().ledger.uncertain(limit=call.query.limit, cursor=call.query.cursor)
    return {"deliveries": [_attention(row) for row in rows], "cursor": cursor}


@writes(
    "POST",
    "/v1/control/attention/{delivery_id}",
    summary="Decide about an uncertain delivery",
    problems={HTTPStatus.CONFLICT: "it waits for nobody any more: somebody has decided, or the provider has answered"},
)
def decide_attention(call: Call[AttentionBody, None]) -> None:
    """`retry` also works for a failed delivery."""
    try:
        key = DeliveryKey.of(call.path["delivery_id"])
    except ValueError as error:
        raise InvalidError.of("delivery_id", Phrase("expected the delivery_id of the list")) from error
    if call.body.action == "retry":
        stage().operator_actions.send_again(key)
    else:
        stage().operator_actions.assume_sent(key)


def _attention(delivery: Delivery) -> dict[str, Any]:
    return {
        "delivery_id": delivery.key.id,
        "notification_id": delivery.key.notification_id,
        "channel": delivery.key.channel,
        "reason": delivery.reason,
        "since": delivery.attention_at,
    }
