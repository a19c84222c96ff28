"""`/v1/control`: circuit breakers of subsystems (switches), event sources of queues (consumers), and rate limits. What
waits for a person is in `dead_letters.py`."""

from datetime import datetime
from functools import partial
from operator import attrgetter
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, Strict, StrictBool, StrictInt

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import IN_PLACE, ApiAnswer
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.etags import tag_of
from chalicelib.flow.event_sources import EventSource
from chalicelib.schemas import StrictModel
from chalicelib.stage.app import stage
from chalicelib.states import SwitchState
from chalicelib.storage.circuit_breakers import HAND, CircuitBreaker
from chalicelib.storage.event_sources import read_wishes
from chalicelib.storage.rate_limits import LIMITS, Limit
from chalicelib.text import Line

reads = partial(endpoint, scope=Scope.CONTROL_READ)
writes = partial(endpoint, scope=Scope.CONTROL_WRITE)
_limit_tag = attrgetter("tag")
Reason = Annotated[Line, Field(min_length=1, max_length=200)]


class SwitchBody(StrictModel):
    """`open`: no call leaves until a person closes it. `closed`: traffic returns by the ramp, or at once if `ramp` is
    false."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"state": "open", "reason": "the letter has a wrong link"}]},
    )

    state: Literal["open", "closed"]
    reason: Reason
    ramp: StrictBool = True


class ConsumerBody(StrictModel):
    """Fields that are left out stay unchanged."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"max_concurrency": 20}]})

    paused: StrictBool | None = None
    max_concurrency: StrictInt | None = None
    batch_size: StrictInt | None = None


class LimitBody(StrictModel):
    """Units (letters, users) a second, for all workers together."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"rate_per_second": 40}]})

    rate_per_second: Annotated[float, Strict()]


class SwitchAnswer(ApiAnswer):
    """A switch; `share` is the part of the full rate that currently passes. `next_probe_at` is null if no probe will be
    sent: the switch is not open, or a person opened it."""

    name: str
    state: Annotated[SwitchState, IN_PLACE]
    by: str | None
    reason: str | None
    changed_at: datetime | None
    failures: int
    share: float
    next_probe_at: datetime | None = Field(validation_alias="probe_at")


class ConsumerAnswer(ApiAnswer):
    """A queue's consumer as it is: off (`enabled` false) if a person has `paused` it or the switch `waits_for` is open;
    `max_concurrency` is lower than requested while that switch ramps."""

    queue: str
    worker: str
    subsystem: str | None
    paused: bool
    enabled: bool
    max_concurrency: int | None
    batch_size: int | None
    waits_for: str | None


class LimitAnswer(ApiAnswer):
    """A limit as set, and as it is now: lower for a minute after a provider asked to slow down. A ramping switch takes
    its `share` of it."""

    name: str
    rate_per_second: float
    current_per_second: float


class ControlAnswer(ApiAnswer):
    """Everything at once; `dead_letters` counts them by queue."""

    switches: list[SwitchAnswer]
    consumers: list[ConsumerAnswer]
    limits: list[LimitAnswer]
    dead_letters: dict[str, int]


def _consumer_tag(shown: EventSource) -> str:
    return read_wishes([shown.queue])[shown.queue].tag


def _switch_tag(shown: CircuitBreaker) -> str:
    return tag_of({name: getattr(shown, name) for name in HAND})


@reads("GET", "/v1/control", summary="Switches, consumers, limits and dead letters", answer=ControlAnswer)
def get_control(_: Call[None, None]) -> dict[str, Any]:
    """Switches, consumers, limits and dead letters in one call."""
    return {
        "switches": stage().switches.read_all(),
        "consumers": stage().consumers.read_all(),
        "limits": stage().limiter.read_all(LIMITS),
        "dead_letters": stage().dead_letters.counts(),
    }


@reads("GET", "/v1/control/switches/{name}", summary="The switch of a subsystem", answer=SwitchAnswer, tag=_switch_tag)
def get_switch(call: Call[None, None]) -> CircuitBreaker:
    """Its current state."""
    return stage().switches.read(call.path["name"])


@writes(
    "POST",
    "/v1/control/switches/{name}",
    summary="Throw a switch by hand",
    answer=SwitchAnswer,
    tag=_switch_tag,
    if_match=True,
)
def throw_switch(call: Call[SwitchBody, None]) -> CircuitBreaker:
    """Open: within a second no worker calls the subsystem, its consumers are off, and messages wait in their queues.
    Closed: traffic returns by the ramp; has no effect on a switch that is not open, unless `ramp` is false."""
    body = call.body
    return stage().consumers.throw(
        call.path["name"],
        opened=body.state == "open",
        by=f"key:{call.caller.key_id}",
        reason=body.reason,
        ramp=body.ramp,
        seen=call.seen,
    )


@reads(
    "GET", "/v1/control/consumers/{name}", summary="The consumer of a queue", answer=ConsumerAnswer, tag=_consumer_tag
)
def get_consumer(call: Call[None, None]) -> EventSource:
    """Its current state, and what people have set."""
    return stage().consumers.read(call.path["name"])


@writes(
    "POST",
    "/v1/control/consumers/{name}",
    summary="Pause a consumer, or change its pace",
    answer=ConsumerAnswer,
    tag=_consumer_tag,
    if_match=True,
)
def change_consumer(call: Call[ConsumerBody, None]) -> EventSource:
    """Takes effect at once, without a deployment; messages wait with no receive used up."""
    name = call.path["name"]
    stage().consumers.change(name, by=f"key:{call.caller.key_id}", seen=call.seen, **call.body.model_dump())
    return stage().consumers.read(name)


@reads("GET", "/v1/control/limits/{name}", summary="A rate limit", answer=LimitAnswer, tag=_limit_tag)
def get_limit(call: Call[None, None]) -> Limit:
    """As it was set, and as it is now."""
    return stage().limiter.read_all([_known_limit(call.path["name"])])[0]


@writes(
    "POST",
    "/v1/control/limits/{name}",
    summary="Set a rate limit",
    answer=LimitAnswer,
    tag=_limit_tag,
    if_match=True,
)
def set_limit(call: Call[LimitBody, None]) -> Limit:
    """Workers follow with their next lease, within a second."""
    name = _known_limit(call.path["name"])
    stage().limiter.set_rate(name, call.body.rate_per_second, seen=call.seen)
    return stage().limiter.read_all([name])[0]


def _known_limit(name: str) -> str:
    if name not in LIMITS:
        raise NotFoundError(Phrase("there is no limit {name}; there are {known}", name=name, known=", ".join(LIMITS)))
    return name
