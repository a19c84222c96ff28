"""What every call of an outside subsystem must pass: its circuit breaker and its rate limit. Both learn from the
answers."""

from collections.abc import Callable, Sequence
from functools import partial
from math import inf
from typing import NamedTuple

from chalicelib.composed import Composed
from chalicelib.errors import UnavailableError
from chalicelib.flow.event_sources import EventSources
from chalicelib.observability import logger
from chalicelib.reasons import Reason
from chalicelib.storage.circuit_breakers import CircuitBreakers
from chalicelib.storage.rate_limits import RateLimiter

MAX_WAIT_SECONDS = 4.0
RESERVE_SECONDS = 15.0  # the longest duration of a call started at the last moment (SES: 2 s + 10 s), and its record
OUT_OF_TIME_RETRY_SECONDS = 1
OPEN_RETRY_SECONDS = 30  # when to retry at an open breaker; the event source is off by then, and the message waits
DAILY_QUOTA_PROBE_SECONDS = 600  # a used-up daily quota is probed every ten minutes
# Few enough for a person to look at and send again; in a well-kept list SES refuses hardly any in the call.
MOST_IN_A_ROW = 20
# Adds to the stored count while it is below a limit; the new count, or None if it was not below it.
Add = Callable[[int, int], float | None]


class Pass(NamedTuple):
    """How many units may leave now (0: none), and when to come back with the rest."""

    units: int
    come_back_seconds: float = 0.0


class CallReport(NamedTuple):
    """What a call showed. `failure` concerns the whole subsystem, and if `at_once` every further call; `slow_down` its
    pace."""

    failure: str | None = None
    at_once: bool = False
    slow_down: bool = False
    quota_used_up: bool = False


class Deadline:
    """Until when this invocation may start calls. If Lambda killed a worker that waits for the pace or for a hanging
    provider, its whole batch would come back, every message with a receive used up."""

    def __init__(self, *, seconds: Callable[[], float]) -> None:
        self._seconds = seconds
        self._ends_at = inf
        self.invocation = 0

    def begin(self, seconds_left: float) -> None:
        """A new invocation, which is killed in `seconds_left`."""
        self._ends_at = self._seconds() + seconds_left - min(RESERVE_SECONDS, seconds_left / 2)
        self.invocation += 1

    def seconds_left(self) -> float:
        """No call may start unless it is positive."""
        return self._ends_at - self._seconds()


class Throttle(Composed):
    """The throttle of one subsystem. `sleep` waits for the rate, at most MAX_WAIT_SECONDS; the caller puts aside what
    would have to wait longer."""

    subsystem: str
    switches: CircuitBreakers
    limiter: RateLimiter
    consumers: EventSources
    deadline: Deadline
    sleep: Callable[[float], None]
    _followed_in = -1

    def enter(self, units: int, *, lane: str, divisible: bool = True) -> Pass:
        """Waits until a call for `units` recipients may be made: for all of them or, if `divisible`, for as many as are
        let through (one, if it is a probe). Raises: UnavailableError (retryable)."""
        left = self.deadline.seconds_left()
        if left <= 0:
            return Pass(0, OUT_OF_TIME_RETRY_SECONDS)
        admission = self.switches.admit(self.subsystem)
        if not admission.allowed:
            self._switch_off_once()
            return Pass(0, self._open_retry_seconds())
        grant = self.limiter.take(
            f"{self.subsystem}.{lane}",
            1 if admission.probe and divisible else units,
            share=admission.share,
            max_wait_seconds=min(MAX_WAIT_SECONDS, left),
            divisible=divisible,
        )
        if not grant.granted:
            self.switches.give_back(self.subsystem)
        elif grant.wait_seconds > 0:
            self.sleep(grant.wait_seconds)
            if not admission.probe and self.switches.is_open(self.subsystem):
                return Pass(0, self._open_retry_seconds())  # it was thrown while this call waited for its turn
        return Pass(grant.units, grant.wait_seconds)

    def believed(self, *, refused: int, accepted: int) -> int:
        """How many refusals of a call are believed of letters without a run. Raises: UnavailableError (retryable)."""
        return believed(
            known=self.switches.refusals(self.subsystem),
            refused=refused,
            accepted=accepted,
            add=partial(self.switches.add_refusals, self.subsystem),
            reset=partial(self.switches.reset_refusals, self.subsystem),
        )

    def learn(self, reports: Sequence[CallReport], *, lane: str) -> None:
        """Reports to the breaker and the limit how a call went. Never fails: the call was made."""
        try:
            self._learn(reports, lane)
        except UnavailableError:
            logger().warning("a gate learned nothing", subsystem=self.subsystem)

    def _learn(self, reports: Sequence[CallReport], lane: str) -> None:
        if not reports:
            self.switches.give_back(self.subsystem)  # no call was made
            return
        if any(report.slow_down for report in reports):
            self.limiter.slow_down(f"{self.subsystem}.{lane}")
        quota = next((r for r in reports if r.quota_used_up), None)
        failures = [report.failure for report in reports if report.failure]
        if quota:
            opened = self.switches.failed(
                self.subsystem, Reason.DAILY_QUOTA, at_once=True, probe_seconds=DAILY_QUOTA_PROBE_SECONDS
            )
        elif failures and len(failures) == len(reports):
            at_once = any(report.at_once for report in reports)
            opened = self.switches.failed(self.subsystem, failures[0], at_once=at_once)
        else:
            if any(report.slow_down for report in reports):
                return
            if self.switches.succeeded(self.subsystem):
                self.consumers.try_to_follow(self.subsystem)
            return
        if opened:
            self.consumers.try_to_follow(self.subsystem)

    def _open_retry_seconds(self) -> float:
        return min(OPEN_RETRY_SECONDS, self.switches.policy.probe_seconds)

    def _switch_off_once(self) -> None:
        # The event source is on for a probe, which another took: whatever it reads now would only be put aside.
        if self._followed_in != self.deadline.invocation:
            self._followed_in = self.deadline.invocation
            self.consumers.try_to_follow(self.subsystem)


def believed(*, known: float, refused: int, accepted: int, add: Add, reset: Callable[[], None]) -> int:
    """How many of a call's refusals are believed: all, until MOST_IN_A_ROW are reached; beyond it none, in whatever
    worker. Letters accepted in the same call outweigh as many refusals, and if they outweigh all, the count is reset.
    `known`: the count as it was read. Raises: UnavailableError (retryable)."""
    surplus = refused - accepted
    if surplus <= 0:
        if known and accepted:
            reset()
        return refused
    now = add(surplus, MOST_IN_A_ROW)
    if now is None:
        return 0
    return refused if now < MOST_IN_A_ROW else min(refused, MOST_IN_A_ROW - round(now - surplus))
