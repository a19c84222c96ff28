"""The circuit breaker of each subsystem: closed, open or ramping; automatic or by hand. `flow/throttle.py` asks before
each call and reports after it.

Open means that no call leaves. A breaker that opened by itself lets one call through every `probe_seconds`, made by
whoever wins the conditional write; an answered probe starts the ramp from 10 % to 100 % of the rate (ADR 0005).
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.manifest import SUBSYSTEMS
from chalicelib.observability import Line
from chalicelib.reasons import SwitchReason
from chalicelib.states import SwitchState as S
from chalicelib.storage.row_cache import RowCache
from chalicelib.storage.rows.flow import SwitchRow

RAMP_FROM = 0.1
HAND = ("name", "state", "by", "reason")  # what somebody who throws a switch has seen of it
AUTO = "auto"  # `by` of a switch that opened by itself
_COUNT_TRIES = 5

_OPEN_BY_ITSELF = (SwitchRow.state == S.OPEN) & (SwitchRow.by == AUTO)


class BreakerPolicy(NamedTuple):
    """When a switch opens by itself and how it comes back."""

    failures: int = 5  # consecutive, over all workers
    window_seconds: int = 60  # a failure older than this is forgotten
    probe_seconds: int = 60
    ramp_seconds: int = 300


class CallPermit(NamedTuple):
    """Whether a call may leave now, at which share of the full rate, and whether it is the one probe."""

    allowed: bool
    share: float = 1.0
    probe: bool = False


class CircuitBreaker(NamedTuple):
    """A switch as people see it. `share`: part of the full rate that is let through; `probe_at`: when the next probe
    may leave, None if the switch is not open or was opened by hand. Moments are epoch seconds."""

    name: str
    state: S
    by: str | None
    reason: str | None
    changed_at: float | None
    failures: int
    share: float
    probe_at: float | None
    probe_due: bool

    @classmethod
    def of(cls, row: SwitchRow, policy: BreakerPolicy, now: float) -> "CircuitBreaker":
        """The state of a row at a moment."""
        share, opened = _share(row, policy, now), row.state == S.OPEN
        probe_at = (row.probe_at or 0) if opened and row.by == AUTO else None
        state: S = S.OPEN if opened else S.CLOSED if share >= 1 else S.RAMPING
        due = probe_at is not None and probe_at <= now
        return cls(row.name, state, row.by, row.reason, row.changed_at, int(row.failures), share, probe_at, due)


def _share(row: SwitchRow, policy: BreakerPolicy, now: float) -> float:
    if row.state != S.RAMPING:
        return 0.0 if row.state == S.OPEN else 1.0
    passed = (now - (row.changed_at or 0)) / max(1, policy.ramp_seconds)
    return min(1.0, RAMP_FROM + (1 - RAMP_FROM) * max(0.0, passed))


class CircuitBreakers:
    """The circuit breakers as one process sees them. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock, policy: BreakerPolicy) -> None:
        self._now: Callable[[], float] = lambda: clock().timestamp()
        self.policy = policy
        self._rows = RowCache(SwitchRow, now=self._now)
        self._probes: dict[str, float] = {}  # the `probe_at` that each probe of this process has written
        self._well_at: dict[str, float] = {}  # when this process was last answered

    def admit(self, name: str) -> CallPermit:
        """Asked before each call."""
        row = self._rows.get(name)
        switch = self._switch(row)
        if switch.state != S.OPEN:
            return CallPermit(True, share=switch.share)
        if switch.probe_due and self._take_probe(row):
            return CallPermit(True, share=RAMP_FROM, probe=True)
        return CallPermit(False, share=0.0)

    def is_open(self, name: str) -> bool:
        """Asked again after waiting for the rate; takes no probe."""
        return self._switch(self._rows.get(name)).state == S.OPEN

    def succeeded(self, name: str) -> bool:
        """A call was answered; returns whether that ended an outage. Only a probe ends one, not the answer to a call
        that left before the switch opened."""
        row = self._rows.get(name)
        self._well_at[name] = self._now()
        if row.state == S.OPEN:
            return self._probe_answered(name)
        if row.state == S.RAMPING and self._switch(row).state == S.CLOSED:
            of_this_ramp = (SwitchRow.state == S.RAMPING) & (SwitchRow.changed_at == row.changed_at)
            self._set(name, S.CLOSED, by=AUTO, reason=SwitchReason.RAMP_OVER, condition=of_this_ramp)
        elif row.failures:
            self._rows.update(name, [SwitchRow.failures.set(0)], SwitchRow.failures > 0)
        return False

    def failed(self, name: str, reason: str, *, at_once: bool = False, probe_seconds: int | None = None) -> bool:
        """A call failed for a reason that concerns the whole subsystem; returns whether the switch is open now.
        `at_once` opens it without counting and, if it is open, sets the pace of its probes."""
        now = self._now()
        if self._rows.get(name).state == S.OPEN:
            self._probes.pop(name, None)
            if at_once and probe_seconds:
                self._rows.update(name, [SwitchRow.reason.set(reason), *_probes(probe_seconds, now)], _OPEN_BY_ITSELF)
            return True
        row = self._count_failure(name, now)
        if row.state == S.OPEN or (not at_once and int(row.failures) < self.policy.failures):
            return row.state == S.OPEN
        probes = _probes(probe_seconds or self.policy.probe_seconds, now)
        closed = SwitchRow.state.does_not_exist() | (SwitchRow.state != S.OPEN)  # what a person opened stays theirs
        self._set(name, S.OPEN, by=AUTO, reason=reason, condition=closed, more=probes)
        return True

    def refusals(self, name: str) -> float:
        """How many letters the provider has refused in a row."""
        return float(self._rows.get(name).refusals or 0)

    def add_refusals(self, name: str, count: int, below: int) -> float | None:
        """Adds to that number while it is `below`; the new number, or None if it was not."""
        held = SwitchRow.refusals
        added = self._rows.update(name, [held.add(count)], held.does_not_exist() | (held < below))
        return self.refusals(name) if added else None

    def reset_refusals(self, name: str) -> None:
        """The provider accepts letters again."""
        self._rows.update(name, [SwitchRow.refusals.set(0)], SwitchRow.refusals > 0)

    def give_back(self, name: str) -> None:
        """The probe that this process took made no call: another may leave at once."""
        taken = self._probes.pop(name, None)
        if taken is not None:
            self._rows.update(name, [SwitchRow.probe_at.set(self._now())], SwitchRow.probe_at == taken)

    def open(self, name: str, *, by: str, reason: str, seen: Seen | None = None) -> CircuitBreaker:
        """Opens by hand: no call leaves, and no probe, until a person closes it. Raises: NotFoundError, ChangedError
        (permanent: it is not what was `seen`)."""
        unchanged = self._unchanged(name, seen)
        if not self._set(name, S.OPEN, by=by, reason=reason, condition=unchanged, more=[SwitchRow.probe_at.remove()]):
            self._unchanged(name, seen)
        return self.read(name)

    def close(self, name: str, *, by: str, reason: str, ramp: bool = True, seen: Seen | None = None) -> CircuitBreaker:
        """Closes by hand, through the ramp unless told otherwise. Raises: NotFoundError, ChangedError (permanent: it is
        not what was `seen`)."""
        unchanged, is_open = self._unchanged(name, seen), SwitchRow.state == S.OPEN
        condition = unchanged if not ramp else is_open if unchanged is None else is_open & unchanged
        if not self._set(name, S.RAMPING if ramp else S.CLOSED, by=by, reason=reason, condition=condition):
            self._unchanged(name, seen)
        return self.read(name)

    def read(self, name: str) -> CircuitBreaker:
        """A switch as it is now. Raises: NotFoundError (permanent)."""
        _check(name)
        return self._switch(self._rows.read(name))

    def read_all(self) -> list[CircuitBreaker]:
        """Every switch as it is now, in one request."""
        return [self._switch(row) for row in self._rows.read_all(SUBSYSTEMS)]

    def remember(self, row: SwitchRow) -> None:
        """Takes a row that another repository has just read together with its own."""
        self._rows.remember(row)

    def watch(self) -> Line:
        """What `tick` tells the alarms: which switches are open."""
        return Line(counts={f"switch_open_{switch.name}": int(switch.state == S.OPEN) for switch in self.read_all()})

    def _unchanged(self, name: str, seen: Seen | None) -> Condition | None:
        """That nobody throws it before this write. Raises: ChangedError (permanent): somebody has."""
        _check(name)
        if seen is None:
            return None
        switch = self.read(name)
        seen.require({field: getattr(switch, field) for field in HAND}, what=Phrase("the switch {name}", name=name))
        at = SwitchRow.changed_at
        return at.does_not_exist() if switch.changed_at is None else at == switch.changed_at

    def _switch(self, row: SwitchRow) -> CircuitBreaker:
        return CircuitBreaker.of(row, self.policy, self._now())

    def _take_probe(self, row: SwitchRow) -> bool:
        following = self._now() + (row.probe_seconds or self.policy.probe_seconds)
        free = _OPEN_BY_ITSELF & (SwitchRow.probe_at <= self._now())
        taken = self._rows.update(row.name, [SwitchRow.probe_at.set(following)], free)
        if taken:
            self._probes[row.name] = following
        return taken

    def _probe_answered(self, name: str) -> bool:
        taken = self._probes.pop(name, None)
        if taken is None:
            return False
        # If a person opened the switch meanwhile, or another probe is under way, this answer is out of date.
        mine = _OPEN_BY_ITSELF & (SwitchRow.probe_at == taken)
        return self._set(name, S.RAMPING, by=AUTO, reason=SwitchReason.PROBE_ANSWERED, condition=mine)

    def _count_failure(self, name: str, now: float) -> SwitchRow:
        # Failures are consecutive if nobody was answered since the last one: others say so by writing 0, this process
        # knows of itself, without a write for every good call.
        since = max(now - self.policy.window_seconds, self._well_at.get(name, 0))
        failed_at = SwitchRow.failed_at
        one_more = [SwitchRow.failures.set(SwitchRow.failures + 1), failed_at.set(now)]
        first = [SwitchRow.failures.set(1), failed_at.set(now)]
        before, count = failed_at.does_not_exist() | (failed_at < since), self._rows.update
        for _ in range(_COUNT_TRIES):  # between the two writes another may have counted
            if count(name, one_more, failed_at >= since) or count(name, first, before):
                break
        return self._rows.get(name)

    def _set(
        self, name: str, state: S, *, by: str, reason: str, condition: Condition | None, more: Sequence[Action] = ()
    ) -> bool:
        fields = {"state": state, "by": by, "reason": reason, "changed_at": self._now(), "failures": 0}
        actions: list[Action] = [getattr(SwitchRow, field).set(value) for field, value in fields.items()]
        return self._rows.update(name, [*actions, *more], condition)


def _probes(seconds: int, now: float) -> list[Action]:
    return [SwitchRow.probe_seconds.set(seconds), SwitchRow.probe_at.set(now + seconds)]


def _check(name: str) -> None:
    if name not in SUBSYSTEMS:
        raise NotFoundError(
            Phrase("there is no switch {name}; there are {known}", name=name, known=", ".join(SUBSYSTEMS))
        )
