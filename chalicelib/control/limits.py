"""A rate that all workers share, leased in blocks so that the limiter costs few writes. `control/gate.py` asks it.

The shared state is one moment, `free_at`: a lease of n units moves it n/rate seconds on, and may be used from where it
stood (a virtual queue, as in the generic cell rate algorithm). A lease is one conditional write and is never in
contention for long: workers queue up behind each other in time instead of trying again. Within any T seconds at most
rate × T units and one block are used.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.errors import InvalidError
from chalicelib.storage.base import condition_failed, reaching_dynamodb
from chalicelib.storage.control import LimitRow

BLOCK_SECONDS = 0.5  # a block is what the rate gives in this time: two writes a second and worker at most
RECOVERY_SECONDS = 60  # from nothing to the full rate after a provider asked to slow down
SLOWEST = 0.05
_SLOWER_AT_MOST_EVERY_SECONDS = 1.0


@dataclass
class _Lease:
    """Units that this process may use between two moments."""

    units: float = 0
    ends_at: float = 0


@dataclass(frozen=True)
class Grant:
    """`wait_seconds` until the units may be used, or, where `granted` is false, until it is worth asking again."""

    granted: bool
    wait_seconds: float


class Limiter:
    """The limits of one stage, as one process sees them. `default_rates` hold where nobody has set a rate."""

    def __init__(self, *, clock: Clock, default_rates: Callable[[str], float]) -> None:
        self._clock = clock
        self._default_rates = default_rates
        self._leases: dict[str, _Lease] = {}
        self._rows: dict[str, LimitRow] = {}

    def take(self, name: str, units: int, *, share: float = 1.0, max_wait_seconds: float) -> Grant:
        """Takes units of the limit `name`, at `share` of its rate. Never waits by itself. Raises: UnavailableError
        (retryable)."""
        now = self._now()
        lease = self._leases.setdefault(name, _Lease())
        if lease.ends_at < now:
            lease.units = 0
        if lease.units >= units:
            lease.units -= units
            return Grant(True, 0)
        rate = max(self.rate(name) * share, 0.001)
        block = max(units, rate * BLOCK_SECONDS)
        start = self._reserve(name, block / rate, now, max_wait_seconds)
        if start is None:
            return Grant(False, max_wait_seconds)
        lease.units = block - units
        lease.ends_at = start + max(BLOCK_SECONDS, block / rate)
        return Grant(True, max(0.0, start - now))

    def rate(self, name: str) -> float:
        """The rate of the moment, in units a second, slowed by what providers said."""
        row = self._rows.get(name)
        base = row.rate_per_second if row and row.rate_per_second else self._default_rates(name)
        return base * self._factor(row)

    def slow_down(self, name: str) -> None:
        """Halves the pace: a provider said that it is too much. The pace grows back by itself. Raises: UnavailableError
        (retryable)."""
        now = self._now()
        self._leases.pop(name, None)
        factor = max(SLOWEST, self._factor(self._rows.get(name)) / 2)
        row = LimitRow(name)
        recently = now - _SLOWER_AT_MOST_EVERY_SECONDS
        self._update(
            row,
            [LimitRow.factor.set(factor), LimitRow.factor_at.set(now)],
            LimitRow.factor_at.does_not_exist() | (LimitRow.factor_at < recently),
        )

    def set_rate(self, name: str, rate_per_second: float) -> None:
        """Sets the rate for all workers; they follow with their next lease. Raises: InvalidError (permanent),
        UnavailableError (retryable)."""
        if not 0 < rate_per_second <= 100_000:
            raise InvalidError.of("rate_per_second", "expected a number above 0 and at most 100000")
        self._update(LimitRow(name), [LimitRow.rate_per_second.set(rate_per_second)], None)

    def read(self, name: str) -> float:
        """The rate as stored, for people. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb(), suppress(LimitRow.DoesNotExist):
            self._rows[name] = LimitRow.get(name)
        return self.rate(name)

    def _reserve(self, name: str, seconds: float, now: float, max_wait: float) -> float | None:
        """The moment from which `seconds` of the rate are ours; None when that would be too far away."""
        row = LimitRow(name)
        known = self._rows.get(name)
        queue_first = known is not None and (known.free_at or 0) > now
        for queue in (queue_first, not queue_first):
            if queue:
                actions: list[Action] = [LimitRow.free_at.set(LimitRow.free_at + seconds)]
                condition: Condition = (LimitRow.free_at > now) & (LimitRow.free_at <= now + max_wait)
            else:
                actions = [LimitRow.free_at.set(now + seconds)]
                condition = LimitRow.free_at.does_not_exist() | (LimitRow.free_at <= now)
            if self._update(row, actions, condition):
                return float(row.free_at or 0) - seconds
        return None

    def _update(self, row: LimitRow, actions: list[Action], condition: Condition | None) -> bool:
        with reaching_dynamodb():
            try:
                row.update(actions=actions, condition=condition)
            except UpdateError as error:
                if not condition_failed(error):
                    raise
                return False
        self._rows[row.name] = row
        return True

    def _factor(self, row: LimitRow | None) -> float:
        if row is None or row.factor is None or row.factor_at is None:
            return 1.0
        return min(1.0, row.factor + (self._now() - row.factor_at) / RECOVERY_SECONDS)

    def _now(self) -> float:
        return self._clock().timestamp()
