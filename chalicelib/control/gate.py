"""What stands before every call of an outside subsystem: its switch, its limit, and what the answers teach both. Called
by `enrich` and `deliver`.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from chalicelib.control.consumers import Consumers
from chalicelib.control.limits import Limiter
from chalicelib.control.switches import Switches
from chalicelib.errors import UnavailableError
from chalicelib.observability import logger

OPEN_RETRY_SECONDS = 30  # when to look again at an open switch; the consumer is off by then, and the message waits
DAILY_QUOTA_PROBE_SECONDS = 600  # the owner's rule: a day's quota is asked for again every ten minutes


@dataclass(frozen=True)
class Pass:
    """How many units may leave now (0: none), and when to come back with the rest."""

    units: int
    come_back_seconds: float = 0.0


@dataclass(frozen=True)
class Report:
    """What a call taught: `failure` speaks of the subsystem as a whole, `slow_down` of its pace."""

    failure: str | None = None
    slow_down: bool = False
    quota_used_up: bool = False


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
        sleep: Callable[[float], None],
        max_wait_seconds: float = 3.0,
    ) -> None:
        self._subsystem = subsystem
        self._switches = switches
        self._limiter = limiter
        self._consumers = consumers
        self._sleep = sleep
        self._max_wait = max_wait_seconds

    def enter(self, units: int, *, lane: str) -> Pass:
        """Asks to make a call for `units` recipients; returns when it may be made. A probe is one unit. Raises:
        UnavailableError (retryable)."""
        admission = self._switches.admit(self._subsystem)
        if not admission.allowed:
            return Pass(0, OPEN_RETRY_SECONDS)
        allowed = 1 if admission.probe else units
        grant = self._limiter.take(
            f"{self._subsystem}.{lane}", allowed, share=admission.share, max_wait_seconds=self._max_wait
        )
        if not grant.granted:
            return Pass(0, grant.wait_seconds)
        if grant.wait_seconds > 0:
            self._sleep(grant.wait_seconds)
        return Pass(allowed, OPEN_RETRY_SECONDS)

    def learn(self, reports: Sequence[Report], *, lane: str) -> None:
        """Tells the switch and the limit what came of a call. Never fails: the call was made, whatever is learned."""
        try:
            self._learn(reports, lane)
        except UnavailableError:
            logger().warning("a gate learned nothing", subsystem=self._subsystem)

    def _learn(self, reports: Sequence[Report], lane: str) -> None:
        if not reports:
            return  # no call was made
        if any(report.slow_down for report in reports):
            self._limiter.slow_down(f"{self._subsystem}.{lane}")
        quota = next((r for r in reports if r.quota_used_up), None)
        failures = [report.failure for report in reports if report.failure]
        if quota:
            opened = self._switches.failed(
                self._subsystem, "daily_quota", at_once=True, probe_seconds=DAILY_QUOTA_PROBE_SECONDS
            )
        elif failures and len(failures) == len(reports):
            opened = self._switches.failed(self._subsystem, failures[0])
        else:
            if not any(report.slow_down for report in reports):
                self._switches.succeeded(self._subsystem)
            return
        if opened:
            self._switch_consumers_off()

    def _switch_consumers_off(self) -> None:
        # The switch is open and no call leaves; should this fail, the next tick does it.
        try:
            self._consumers.follow_subsystem(self._subsystem)
        except UnavailableError:
            logger().warning("consumers are still on", subsystem=self._subsystem)
