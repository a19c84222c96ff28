"""Rates that all workers share, leased in blocks so that a limit costs few writes. `flow/throttle.py` asks it.

The shared state is one moment, `free_at`. A lease of n units moves it n/rate seconds on, and its units may be used from
where it stood, one every 1/rate seconds (a virtual queue, as in the generic cell rate algorithm): workers queue in time
instead of retrying. One worker is slower than the rate of all, so its units stay usable for BLOCK_SECONDS. Within any T
seconds at most rate x T units and one block, rate x BLOCK_SECONDS, are used.

A lease is as large as this process has been using in that time: the rest of a larger one would be lost while everybody
else waits for it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil
from typing import NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.errors import ConflictError, InvalidError, Phrase
from chalicelib.etags import Seen, tag_of
from chalicelib.manifest import SUBSYSTEMS
from chalicelib.storage.row_cache import RowCache
from chalicelib.storage.rows.flow import LimitRow

LIMITS = tuple(f"{subsystem}.{lane}" for subsystem in SUBSYSTEMS for lane in ("instant", "bulk"))
BLOCK_SECONDS = 2.0  # how long a lease holds; a block is what the rate gives in this time
_LEASES_IN_A_BLOCK = 4  # so that whoever comes next waits half a second at most
_LEASED_FOR = 0.9  # of that time: no pace repeats exactly, and what is left over is lost
PORTION_SECONDS = 1.0  # a divisible call carries no more than the rate gives in this time
MOST_RATE = 100_000.0
LEAST_RATE = 0.1  # units a second, whatever is set and however slowed
RECOVERY_SECONDS = 60  # from nothing to the full rate after a provider asked to slow down
SLOWEST = 0.05
_SLOWER_AT_MOST_EVERY_SECONDS = 1.0
_LEASE_TRIES = _SET_TRIES = 4
_MOVED_WITHIN_SECONDS = 0.2  # others, if there are any, have moved what is known for longer
# A longer queue was written by a worker whose clock was wrong: the others do not wait for it.
_NEVER_AHEAD_SECONDS = 900


@dataclass(eq=False, repr=False)
class _Lease:
    """Units of this process: usable from `starts_at` until `ends_at`, the next one at `next_at`, one every
    `unit_seconds`."""

    size: int
    units: int
    unit_seconds: float
    taken_at: float
    starts_at: float
    next_at: float
    ends_at: float

    def use(self, units: int, *, now: float, max_wait_seconds: float) -> "Grant | None":
        """None if the lease holds fewer or is over, or the clock went back."""
        if self.units < units or not self.taken_at <= now <= self.ends_at:
            return None
        wait = max(0.0, self.next_at - now)
        if wait > max_wait_seconds:
            return Grant(0, wait)
        self.units -= units
        self.next_at = max(now, self.next_at) + units * self.unit_seconds
        return Grant(units, wait)


class Grant(NamedTuple):
    """`wait_seconds` until the `units` may be used or, if there are none, until it is worth asking again."""

    units: int
    wait_seconds: float

    @property
    def granted(self) -> bool:
        """Whether anything may leave."""
        return self.units > 0


class Limit(NamedTuple):
    """A limit as people see it: what was set, and what it is now that a provider has asked to slow down."""

    name: str
    rate_per_second: float
    current_per_second: float

    @property
    def tag(self) -> str:
        """Of what people set; `seen` is compared with it."""
        return tag_of(_fields(self.rate_per_second))


class RateLimiter:
    """The limits as one process sees them. `default_rates` hold where nobody has set a rate. With `block_seconds` 0 a
    call reserves just what it takes: for calls that are large and few."""

    def __init__(
        self, *, clock: Clock, default_rates: Callable[[str], float], block_seconds: float = BLOCK_SECONDS
    ) -> None:
        self._block_seconds = block_seconds
        self._clock = clock
        self._default_rates = default_rates
        self._leases: dict[str, _Lease] = {}
        self._rows = RowCache(LimitRow, now=self._now)

    def take(
        self, name: str, units: int, *, share: float = 1.0, max_wait_seconds: float, divisible: bool = False
    ) -> Grant:
        """Takes units of the limit `name` at `share` of its rate: all of them or, if `divisible`, at most what the rate
        gives in PORTION_SECONDS. Does not wait itself. Raises: UnavailableError (retryable)."""
        now = self._now()
        rate = max(self._rate(name, self._rows.get(name)) * share, LEAST_RATE)
        if divisible:
            units = min(units, max(1, int(rate * PORTION_SECONDS)))
        lease = self._leases.get(name)
        grant = lease.use(units, now=now, max_wait_seconds=max_wait_seconds) if lease else None
        if grant is not None:
            return grant
        block = self._block(lease, units, rate=rate, now=now)
        start = self._reserve(name, block / rate, now, max_wait_seconds)
        if start is None:
            return Grant(0, max_wait_seconds)
        start = max(start, now)
        ends_at = start + max(block / rate, self._block_seconds)
        lease = _Lease(block, block, 1 / rate, taken_at=now, starts_at=start, next_at=start, ends_at=ends_at)
        self._leases[name] = lease
        return lease.use(units, now=now, max_wait_seconds=max_wait_seconds) or Grant(0, max_wait_seconds)

    def _block(self, last: _Lease | None, units: int, *, rate: float, now: float) -> int:
        """How many units to lease: what this process will use while they hold, judging by the last lease, and never
        more than twice as many."""
        calls = 1
        if last is not None and now <= last.ends_at + self._block_seconds:
            passed = max(min(now, last.ends_at) - last.starts_at, 1 / rate)
            used_units = last.size - last.units
            calls = min(2 * used_units, int(used_units * self._block_seconds * _LEASED_FOR / passed)) // units
        # A whole number of calls like this one: a remainder too small for the next call would be lost.
        most = ceil(rate * self._block_seconds / _LEASES_IN_A_BLOCK / units)
        return units * max(1, min(calls, most))

    def slow_down(self, name: str) -> None:
        """Halves the pace, which grows back by itself. Raises: UnavailableError (retryable)."""
        now = self._now()
        self._leases.pop(name, None)
        row = self._rows.read(name)
        recently = now - _SLOWER_AT_MOST_EVERY_SECONDS
        if row.factor_at is not None and recently <= row.factor_at <= now:
            return
        factor = max(SLOWEST, self._factor(row) / 2)
        # Of those who were told at the same time, one halves it.
        unchanged = LimitRow.factor_at == row.factor_at if row.factor_at else LimitRow.factor_at.does_not_exist()
        self._rows.update(name, [LimitRow.factor.set(factor), LimitRow.factor_at.set(now)], unchanged)

    def set_rate(self, name: str, rate_per_second: float, *, seen: Seen | None = None) -> None:
        """Sets the rate for all workers; they follow with their next lease. Raises: InvalidError, ChangedError
        (permanent: it is not what was `seen`), UnavailableError (retryable)."""
        if not LEAST_RATE <= rate_per_second <= MOST_RATE:
            raise InvalidError.of(
                "rate_per_second", Phrase("expected {least} to {most} a second", least=LEAST_RATE, most=MOST_RATE)
            )
        # Nobody waits for what was reserved at the old rate.
        actions: list[Action] = [LimitRow.rate_per_second.set(rate_per_second), LimitRow.free_at.remove()]
        for _ in range(_SET_TRIES):
            unchanged = self._unchanged(name, seen) if seen else None
            if self._rows.update(name, actions, unchanged):
                return
        raise ConflictError(Phrase("the limit {name} is being changed by others: read it and try again", name=name))

    def _unchanged(self, name: str, seen: Seen) -> Condition:
        rate = self._rows.read(name).rate_per_second
        seen.require(_fields(rate or self._default_rates(name)), what=Phrase("the limit {name}", name=name))
        return LimitRow.rate_per_second.does_not_exist() if rate is None else LimitRow.rate_per_second == rate

    def rate(self, name: str) -> float:
        """Units a second as of now, at most a second old. Raises: UnavailableError (retryable)."""
        return self._rate(name, self._rows.get(name))

    def read_all(self, names: Sequence[str]) -> list[Limit]:
        """Limits as they are now, in one request (names: at most 100). Raises: UnavailableError (retryable)."""
        limits = []
        for name, row in zip(names, self._rows.read_all(names), strict=True):
            base = row.rate_per_second or self._default_rates(name)
            limits.append(Limit(name, rate_per_second=base, current_per_second=self._rate(name, row)))
        return limits

    def remember(self, row: LimitRow) -> None:
        """Takes a row that another repository has just read together with its own."""
        self._rows.remember(row)

    def _rate(self, name: str, row: LimitRow) -> float:
        return (row.rate_per_second or self._default_rates(name)) * self._factor(row)

    def _factor(self, row: LimitRow) -> float:
        if row.factor is None or row.factor_at is None:
            return 1.0
        return min(1.0, row.factor + max(0.0, self._now() - row.factor_at) / RECOVERY_SECONDS)

    def _reserve(self, name: str, seconds: float, now: float, max_wait: float) -> float | None:
        """The moment from which `seconds` of the rate are ours; None if that is further away than `max_wait`."""
        free = LimitRow.free_at
        if (self._rows.get(name).free_at or 0) <= now and self._rows.age_seconds(name) > _MOVED_WITHIN_SECONDS:
            self._rows.forget(name)  # others have probably moved it: a read is cheaper than a failed write
        for _ in range(_LEASE_TRIES):
            ahead = (self._rows.get(name).free_at or 0) - now
            if max_wait < ahead <= _NEVER_AHEAD_SECONDS:
                return None
            if 0 < ahead <= max_wait:
                actions: list[Action] = [free.set(free + seconds)]
                condition: Condition = (free > now) & (free <= now + max_wait)
            else:
                actions = [free.set(now + seconds)]
                condition = free.does_not_exist() | (free <= now) | (free > now + _NEVER_AHEAD_SECONDS)
            if self._rows.update(name, actions, condition):
                return float(self._rows.get(name).free_at or 0) - seconds
        return None

    def _now(self) -> float:
        return self._clock().timestamp()


def _fields(rate_per_second: float) -> dict[str, float]:
    return {"rate_per_second": float(rate_per_second)}
