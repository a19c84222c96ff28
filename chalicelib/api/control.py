"""`/v1/control`: the failover desk. Switches of subsystems, consumers of queues, limits of rate, dead letters, and the
deliveries that wait for a person."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated, Any, Literal

from chalice.app import Blueprint
from pydantic import BaseModel, ConfigDict, Field, Strict, StrictBool, StrictInt

from chalicelib.api.answers import Answer
from chalicelib.api.endpoint import Call, endpoint
from chalicelib.api.notifications import PageQuery
from chalicelib.control.keys import Scope
from chalicelib.control.limits import LIMITS
from chalicelib.control.switch import Switch
from chalicelib.errors import InvalidError, NotFoundError
from chalicelib.pipeline.ledger import DeliveryKey
from chalicelib.pipeline.revive import describe_dead_letter
from chalicelib.storage.ledger import DELIVERY_PREFIX, DeliveryRow
from chalicelib.wiring.control import consumers, limiter, switches
from chalicelib.wiring.desk import dead_letters, failover, revive

routes = Blueprint(__name__)
MAX_REDRIVE = 500
Reason = Annotated[str, Field(min_length=1, max_length=200)]


class _Body(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class SwitchBody(_Body):
    """`open`: no call leaves until a person closes it. `closed`: back by the ramp, or at once without `ramp`."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        json_schema_extra={"examples": [{"state": "open", "reason": "the letter has a wrong link"}]},
    )

    state: Literal["open", "closed"]
    reason: Reason
    ramp: StrictBool = True


class ConsumerBody(_Body):
    """What is left out stays as it is."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"max_concurrency": 20}]})

    paused: StrictBool | None = None
    max_concurrency: StrictInt | None = None
    batch_size: StrictInt | None = None


class LimitBody(_Body):
    """Units (letters, users) a second, for all workers together."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"rate_per_second": 40}]})

    rate_per_second: Annotated[float, Strict()]


class RedriveBody(_Body):
    """Which dead letters: all of them up to `limit`, or those of `ids`."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"limit": 100}]})

    limit: Annotated[StrictInt, Field(ge=1, le=MAX_REDRIVE)] = 100
    ids: Annotated[tuple[str, ...] | None, Field(max_length=MAX_REDRIVE)] = None


class DropBody(RedriveBody):
    """Why they are thrown away."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", json_schema_extra={"examples": [{"limit": 100, "reason": "letters of a test"}]}
    )

    reason: Reason


class AttentionBody(_Body):
    """`retry` sends once more; `assume_sent` lets it be."""

    model_config = ConfigDict(frozen=True, extra="forbid", json_schema_extra={"examples": [{"action": "retry"}]})

    action: Literal["retry", "assume_sent"]


class SwitchAnswer(Answer):
    """A switch; `share` is the part of the full rate that goes through now. `next_probe_at` is null where no probe will
    leave: it is not open, or a person opened it."""

    name: str
    state: Literal["closed", "open", "ramping"]
    by: str | None
    reason: str | None
    changed_at: datetime | None
    failures: int
    share: float
    next_probe_at: datetime | None


class ConsumerAnswer(Answer):
    """The consumer of a queue as it is: off (`enabled` false) where a person has `paused` it or the switch `waits_for`
    is open; `max_concurrency` is lower than asked for while that switch ramps."""

    queue: str
    worker: str
    subsystem: str | None
    paused: bool
    enabled: bool
    max_concurrency: int | None
    batch_size: int | None
    waits_for: str | None


class LimitAnswer(Answer):
    """A limit as it is set, and as it is now: lower for a minute after a provider asked to slow down. A switch that
    ramps takes its `share` of it."""

    name: str
    rate_per_second: float
    current_per_second: float


class ControlAnswer(Answer):
    """The whole desk; `dead_letters` counts them by queue."""

    switches: list[SwitchAnswer]
    consumers: list[ConsumerAnswer]
    limits: list[LimitAnswer]
    dead_letters: dict[str, int]


class DeadLetterAnswer(Answer):
    """A message that no retry could handle, with nothing personal."""

    id: str
    sent_at: datetime
    receives: int
    size_bytes: int
    readable: bool
    template: str | None = None
    attempt: int | None = None
    notification_ids: Annotated[list[str], Field(default_factory=list)]


class DeadLettersAnswer(Answer):
    """Some of them; `count` is about how many there are."""

    count: int
    messages: list[DeadLetterAnswer]


class MovedAnswer(Answer):
    """How many were moved or dropped, and about how many are left."""

    moved: int
    left: int


class AttentionAnswer(Answer):
    """A delivery of which nobody knows whether the provider has it."""

    delivery_id: str
    notification_id: str
    channel: str
    reason: str | None
    since: str


class AttentionPage(Answer):
    """Oldest first."""

    deliveries: list[AttentionAnswer]
    cursor: str | None


@endpoint(routes, "GET", "/v1/control", summary="The whole desk", scope=Scope.CONTROL_READ, answer=ControlAnswer)
def get_control(_: Call[None, None]) -> dict[str, Any]:
    """Switches, consumers, limits and dead letters in one look."""
    return {
        "switches": [_switch(switch) for switch in switches().read_all()],
        "consumers": [vars(consumer) for consumer in consumers().read_all()],
        "limits": [vars(limit) for limit in limiter().read_all(LIMITS)],
        "dead_letters": dead_letters().counts(),
    }


@endpoint(
    routes,
    "GET",
    "/v1/control/switches/{name}",
    summary="The switch of a subsystem",
    scope=Scope.CONTROL_READ,
    answer=SwitchAnswer,
)
def get_switch(call: Call[None, None]) -> dict[str, Any]:
    """As it is now."""
    return _switch(switches().read(call.path["name"]))


@endpoint(
    routes,
    "POST",
    "/v1/control/switches/{name}",
    summary="Throw a switch by hand",
    scope=Scope.CONTROL_WRITE,
    body=SwitchBody,
    answer=SwitchAnswer,
)
def throw_switch(call: Call[SwitchBody, None]) -> dict[str, Any]:
    """Open: within a second no worker calls the subsystem, its consumers are off, messages wait in their queues.
    Closed: they come back by the ramp; no effect on a switch that is not open, unless `ramp` is false."""
    body = call.body
    thrown = failover().throw(
        call.path["name"],
        opened=body.state == "open",
        by=f"key:{call.caller.key_id}",
        reason=body.reason,
        ramp=body.ramp,
    )
    return _switch(thrown)


@endpoint(
    routes,
    "POST",
    "/v1/control/consumers/{name}",
    summary="Pause a consumer, or change its pace",
    scope=Scope.CONTROL_WRITE,
    body=ConsumerBody,
    answer=ConsumerAnswer,
)
def change_consumer(call: Call[ConsumerBody, None]) -> dict[str, Any]:
    """Works at once, without a deploy; messages wait with no receive used up."""
    name = call.path["name"]
    consumers().change(name, by=f"key:{call.caller.key_id}", **call.body.model_dump())
    return vars(consumers().read(name))


@endpoint(
    routes,
    "POST",
    "/v1/control/limits/{name}",
    summary="Set a limit of rate",
    scope=Scope.CONTROL_WRITE,
    body=LimitBody,
    answer=LimitAnswer,
)
def set_limit(call: Call[LimitBody, None]) -> dict[str, Any]:
    """Workers follow with their next lease, within a second."""
    name = call.path["name"]
    if name not in LIMITS:
        raise NotFoundError(f"there is no limit {name}; there are {', '.join(LIMITS)}")
    limiter().set_rate(name, call.body.rate_per_second)
    return vars(limiter().read_all([name])[0])


@endpoint(
    routes,
    "GET",
    "/v1/control/dead-letters/{name}",
    summary="Look into the dead letters of a queue",
    scope=Scope.CONTROL_READ,
    query=PageQuery,
    answer=DeadLettersAnswer,
)
def get_dead_letters(call: Call[None, PageQuery]) -> dict[str, Any]:
    """They stay where they are; a look hides them from the next one for two seconds."""
    letters = dead_letters().look(call.path["name"], limit=call.query.limit)
    return {
        "count": dead_letters().count(call.path["name"]),
        "messages": [describe_dead_letter(letter) for letter in letters],
    }


@endpoint(
    routes,
    "POST",
    "/v1/control/dead-letters/{name}/redrive",
    summary="Put dead letters back into their queue",
    scope=Scope.CONTROL_WRITE,
    body=RedriveBody,
    answer=MovedAnswer,
)
def redrive_dead_letters(call: Call[RedriveBody, None]) -> dict[str, Any]:
    """What was sent before stays sent; call again while `left` is not 0."""
    name = call.path["name"]
    moved = revive().redrive(name, limit=call.body.limit, ids=call.body.ids)
    return {"moved": moved, "left": dead_letters().count(name)}


@endpoint(
    routes,
    "POST",
    "/v1/control/dead-letters/{name}/drop",
    summary="Throw dead letters away",
    scope=Scope.CONTROL_WRITE,
    body=DropBody,
    answer=MovedAnswer,
)
def drop_dead_letters(call: Call[DropBody, None]) -> dict[str, Any]:
    """For good; who and why is logged."""
    name = call.path["name"]
    by = f"key:{call.caller.key_id}"
    moved = revive().drop(name, limit=call.body.limit, ids=call.body.ids, reason=call.body.reason, by=by)
    return {"moved": moved, "left": dead_letters().count(name)}


@endpoint(
    routes,
    "GET",
    "/v1/control/attention",
    summary="Deliveries that wait for a person",
    scope=Scope.CONTROL_READ,
    query=PageQuery,
    answer=AttentionPage,
)
def get_attention(call: Call[None, PageQuery]) -> dict[str, Any]:
    """Nobody knows whether the provider has them: they are not sent again by themselves."""
    rows, cursor = revive().uncertain(limit=call.query.limit, cursor=call.query.cursor)
    return {"deliveries": [_attention(row) for row in rows], "cursor": cursor}


@endpoint(
    routes,
    "POST",
    "/v1/control/attention/{delivery_id}",
    summary="Decide about an uncertain delivery",
    scope=Scope.CONTROL_WRITE,
    body=AttentionBody,
    problems={HTTPStatus.CONFLICT: "it waits for nobody any more: somebody has decided, or the provider has answered"},
)
def decide_attention(call: Call[AttentionBody, None]) -> None:
    """Retry also takes a delivery that failed."""
    try:
        key = DeliveryKey.of(call.path["delivery_id"])
    except ValueError as error:
        raise InvalidError.of("delivery_id", "expected the delivery_id of the list") from error
    if call.body.action == "retry":
        revive().send_again(key)
    else:
        revive().assume_sent(key)


def _switch(switch: Switch) -> dict[str, Any]:
    return {
        "name": switch.name,
        "state": switch.state,
        "by": switch.by,
        "reason": switch.reason,
        "changed_at": _moment(switch.changed_at),
        "failures": switch.failures,
        "share": switch.share,
        "next_probe_at": _moment(switch.probe_at),
    }


def _moment(epoch_seconds: float | None) -> datetime | None:
    return None if epoch_seconds is None else datetime.fromtimestamp(epoch_seconds, UTC)


def _attention(row: DeliveryRow) -> dict[str, Any]:
    channel = row.part.removeprefix(DELIVERY_PREFIX)
    return {
        "delivery_id": DeliveryKey(row.notification_id, channel).id,
        "notification_id": row.notification_id,
        "channel": channel,
        "reason": row.reason,
        "since": row.attention_at,
    }
