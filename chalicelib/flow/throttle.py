"""What stands before every call of an outside subsystem: its switch, its limit, and what the answers teach both. Called
by `enrich` and `deliver`.
"""

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.errors import UnavailableError
from chalicelib.flow.circuit_breakers import Switches
from chalicelib.flow.event_sources import Consumers
from chalicelib.flow.rate_limits import Limiter
from chalicelib.observability import logger

MAX_WAIT_SECONDS = 4.0
RESERVE_SECONDS = (
    15.0  # of an invocation: what a call begun at the last moment may take (SES: 2 s + 10 s), and its record
)
OUT_OF_TIME_RETRY_SECONDS = 1
OPEN_RETRY_SECONDS = 30  # when to look again at an open switch; the consumer is off by then, and the message waits
DAILY_QUOTA_PROBE_SECONDS = 600  # the owner's rule: a day's quota is asked for again every ten minutes


class Pass(NamedTuple):
    """How many units may leave now (0: none), and when to come back with the rest."""

    units: int
    come_back_seconds: float = 0.0


class Report(NamedTuple):
    """What a call taught: `failure` speaks of the subsystem as a whole, of every call to come where it is `at_once`;
    `slow_down` of its pace."""

    failure: str | None = None
    at_once: bool = False
    slow_down: bool = False
    quota_used_up: bool = False


class Deadline:
    """Until when this invocation may begin calls. Waiting for the pace, or for a provider that hangs, must not end in
    Lambda killing the worker: its whole batch would come back, every message with a receive used up."""

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._ends_at = inf
        self.invocation = 0

    def begin(self, seconds_left: float) -> None:
        """A new invocation, which will be killed in so many seconds."""
        self._ends_at = self._seconds() + seconds_left - min(RESERVE_SECONDS, seconds_left / 2)
        self.invocation += 1

    def seconds_left(self) -> float:
        """Not positive when no more calls may begin."""
        return self._ends_at - self._seconds()


class Gate:
    """The gate of one subsystem. `sleep` waits for the pace, at most `max_wait_seconds`; what would take longer is put
    aside by the caller."""

    def __init__(
        self,
        subsystem: str,
        *,
        switches: Switches,
        limiter: Limiter,
        consumers: Consumers,
        deadline: Deadline,
        sleep: Callable[[float], None],
        max_wait_seconds: float = MAX_WAIT_SECONDS,
    ) -> None:
        self._subsystem = subsystem
        self._switches = switches
        self._limiter = limiter
        self._consumers = consumers
        self._deadline = deadline
        self._sleep = sleep
        self._max_wait = max_wait_seconds
        self._followed_in: int | None = None

    def enter(self, units: int, *, lane: str, divisible: bool = True) -> Pass:
        """Asks to make a call for `units` recipients; returns when it may be made, for all of them or, where
        `divisible`, for as many as are let through: one, if it is a probe. Raises: UnavailableError (retryable)."""
        left = self._deadline.seconds_left()
        if left <= 0:
            return Pass(0, OUT_OF_TIME_RETRY_SECONDS)
        admission = self._switches.admit(self._subsystem)
        if not admission.allowed:
            self._switch_off_once()
            return Pass(0, self._open_retry_seconds())
        grant = self._limiter.take(
            f"{self._subsystem}.{lane}",
            1 if admission.probe and divisible else units,
            share=admission.share,
            max_wait_seconds=min(self._max_wait, left),
            divisible=divisible,
        )
        if not grant.granted:
            self._switches.give_back(self._subsystem)
        elif grant.wait_seconds > 0:
            self._sleep(grant.wait_seconds)
            if not admission.probe and self._switches.is_open(self._subsystem):
                return Pass(0, self._open_retry_seconds())  # it was thrown while this call waited for its turn
        return Pass(grant.units, grant.wait_seconds)

    def refusals(self) -> float:
        """See `Switches.refusals`."""
        return self._switches.refusals(self._subsystem)

    def count_refusals(self, actions: list[Action], condition: Condition) -> float | None:
        """See `Switches.count_refusals`."""
        return self._switches.count_refusals(self._subsystem, actions, condition)

    def learn(self, reports: Sequence[Report], *, lane: str) -> None:
        """Tells the switch and the limit what came of a call. Never fails: the call was made, whatever is learned."""
        try:
            self._learn(reports, lane)
        except UnavailableError:
            logger().warning("a gate learned nothing", subsystem=self._subsystem)

    def _learn(self, reports: Sequence[Report], lane: str) -> None:
        if not reports:
            self._switches.give_back(self._subsystem)  # no call was made
            return
        if any(report.slow_down for report in reports):
            self._limiter.slow_down(f"{self._subsystem}.{lane}")
        quota = next((r for r in reports if r.quota_used_up), None)
        failures = [report.failure for report in reports if report.failure]
        if quota:
            opened = self._switches.failed(
                self._subsystem, "daily_quota", at_once=True, probe_seconds=DAILY_QUOTA_PROBE_SECONDS
            )
        elif failures and len(failures) == len(reports):
            at_once = any(report.at_once for report in reports)
            opened = self._switches.failed(self._subsystem, failures[0], at_once=at_once)
        else:
            if any(report.slow_down for report in reports):
                return
            if self._switches.succeeded(self._subsystem):
                self._consumers_follow()
            return
        if opened:
            self._consumers_follow()

    def _open_retry_seconds(self) -> float:
        return min(OPEN_RETRY_SECONDS, self._switches.policy.probe_seconds)

    def _switch_off_once(self) -> None:
        # The consumer is on for the sake of a probe, which another took: what it reads now would only be put aside.
        if self._followed_in != self._deadline.invocation:
            self._followed_in = self._deadline.invocation
            self._consumers_follow()

    def _consumers_follow(self) -> None:
        # The switch is what holds calls back; should this fail, the next tick does it.
        try:
            self._consumers.follow_subsystem(self._subsystem)
        except UnavailableError:
            logger().warning("consumers did not follow their switch", subsystem=self._subsystem)
