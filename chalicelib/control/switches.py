"""The state of each outside subsystem: closed, open, ramping; by itself or by hand. `control/gate.py` asks before each
call and reports after it; the API and `tick` read and set it.

Open means that no call leaves. An automatic switch lets one call through every `probe_seconds`, whoever wins its
conditional write; a good probe starts the ramp, from 10 % to 100 % of rate, never falling while it lasts.
"""

from dataclasses import dataclass
from typing import Literal

from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError
from chalicelib.storage.base import condition_failed, reaching_dynamodb
from chalicelib.storage.control import SwitchRow

SUBSYSTEMS = ("profiles", "ses", "sns", "webhook", "live")
RAMP_FROM = 0.1
_KNOWN_FOR_SECONDS = 1.0  # a switch thrown by hand is obeyed by every worker within this time

State = Literal["closed", "open", "ramping"]


@dataclass(frozen=True)
class SwitchPolicy:
    """When a switch opens by itself and how it comes back."""

    failures: int = 5  # consecutive, over all workers
    window_seconds: int = 60  # a failure older than this is forgotten
    probe_seconds: int = 60
    ramp_seconds: int = 300


@dataclass(frozen=True)
class Admission:
    """Whether a call may leave now: at which share of the full rate, and whether it is the one probe."""

    allowed: bool
    share: float = 1.0
    probe: bool = False


@dataclass(frozen=True)
class Switch:
    """A switch as people see it. `share` is the part of the full rate that is let through."""

    name: str
    state: State
    by: str | None
    reason: str | None
    changed_at: float | None
    failures: int
    share: float


class Switches:
    """The switches of one stage, as one process sees them."""

    def __init__(self, *, clock: Clock, policy: SwitchPolicy) -> None:
        self._clock = clock
        self.policy = policy
        self._known: dict[str, tuple[float, SwitchRow]] = {}

    def admit(self, name: str) -> Admission:
        """Asked before each call. Raises: UnavailableError (retryable)."""
        row = self._row(name)
        if row.state != "open":
            return Admission(True, share=self._share(row))
        if row.by == "auto" and (row.probe_at or 0) <= self._now() and self._take_probe(row):
            return Admission(True, share=RAMP_FROM, probe=True)
        return Admission(False, share=0.0)

    def succeeded(self, name: str) -> None:
        """A call was answered as it should be. Raises: UnavailableError (retryable)."""
        row = self._row(name)
        if row.state == "open" and row.by == "auto":
            self._set(name, "ramping", by="auto", reason="the probe was answered", only_from="open")
        elif row.state == "ramping" and self._share(row) >= 1.0:
            self._set(name, "closed", by="auto", reason="the ramp is over", only_from="ramping")
        elif row.failures:
            self._update(row.name, [SwitchRow.failures.set(0)], SwitchRow.failures > 0)

    def failed(self, name: str, reason: str, *, at_once: bool = False, probe_seconds: int | None = None) -> bool:
        """A call failed in a way that speaks of the subsystem; says whether the switch is open now. `at_once` opens it
        without counting. Raises: UnavailableError (retryable)."""
        now = self._now()
        row = self._row(name)
        if row.state == "open":
            return True
        count = self._count_failure(name, now)
        if not at_once and count < self.policy.failures:
            return False
        self._open(name, by="auto", reason=reason, probe_seconds=probe_seconds or self.policy.probe_seconds)
        return True

    def open(self, name: str, *, by: str, reason: str) -> Switch:
        """Opens by hand: no call leaves, and no probe, until a person closes it. Raises: NotFoundError (permanent),
        UnavailableError (retryable)."""
        _check(name)
        self._open(name, by=by, reason=reason, probe_seconds=None)
        return self.read(name)

    def close(self, name: str, *, by: str, ramp: bool = True) -> Switch:
        """Closes by hand, by the ramp unless told otherwise. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""
        _check(name)
        state: State = "ramping" if ramp else "closed"
        self._set(name, state, by=by, reason="closed by hand", only_from="open" if ramp else None)
        return self.read(name)

    def read(self, name: str) -> Switch:
        """A switch as it is now. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        _check(name)
        self._known.pop(name, None)
        row = self._row(name)
        state: State = "closed" if row.state == "ramping" and self._share(row) >= 1 else _state(row)
        return Switch(
            name, state, row.by, row.reason, row.changed_at, failures=int(row.failures), share=self._share(row)
        )

    def probe_is_due(self, name: str) -> bool:
        """Whether the next call would be let through as a probe. Raises: UnavailableError (retryable)."""
        row = self._row(name)
        return row.state == "open" and row.by == "auto" and (row.probe_at or 0) <= self._now()

    def _take_probe(self, row: SwitchRow) -> bool:
        following = self._now() + (row.probe_seconds or self.policy.probe_seconds)
        return self._update(
            row.name,
            [SwitchRow.probe_at.set(following)],
            (SwitchRow.state == "open") & (SwitchRow.probe_at <= self._now()),
        )

    def _count_failure(self, name: str, now: float) -> int:
        within = SwitchRow.failed_at >= now - self.policy.window_seconds
        one_more: list[Action] = [SwitchRow.failures.set(SwitchRow.failures + 1), SwitchRow.failed_at.set(now)]
        if not self._update(name, one_more, within):
            self._update(name, [SwitchRow.failures.set(1), SwitchRow.failed_at.set(now)], None)
        return int(self._known[name][1].failures)

    def _open(self, name: str, *, by: str, reason: str, probe_seconds: int | None) -> None:
        now = self._now()
        actions: list[Action] = [
            SwitchRow.state.set("open"),
            SwitchRow.by.set(by),
            SwitchRow.reason.set(reason),
            SwitchRow.changed_at.set(now),
            SwitchRow.failures.set(0),
        ]
        if probe_seconds is None:
            actions.append(SwitchRow.probe_at.remove())
            self._update(name, actions, None)
            return
        actions += [SwitchRow.probe_seconds.set(probe_seconds), SwitchRow.probe_at.set(now + probe_seconds)]
        # What a person has opened stays theirs.
        self._update(name, actions, SwitchRow.state.does_not_exist() | (SwitchRow.state != "open"))

    def _set(self, name: str, state: State, *, by: str, reason: str, only_from: State | None) -> None:
        actions: list[Action] = [
            SwitchRow.state.set(state),
            SwitchRow.by.set(by),
            SwitchRow.reason.set(reason),
            SwitchRow.changed_at.set(self._now()),
            SwitchRow.failures.set(0),
        ]
        self._update(name, actions, SwitchRow.state == only_from if only_from else None)

    def _share(self, row: SwitchRow) -> float:
        if row.state == "open":
            return 0.0
        if row.state != "ramping":
            return 1.0
        passed = (self._now() - (row.changed_at or 0)) / max(1, self.policy.ramp_seconds)
        return min(1.0, RAMP_FROM + (1 - RAMP_FROM) * max(0.0, passed))

    def _row(self, name: str) -> SwitchRow:
        known = self._known.get(name)
        if known and known[0] > self._now():
            return known[1]
        with reaching_dynamodb():
            try:
                row = SwitchRow.get(name, consistent_read=True)
            except SwitchRow.DoesNotExist:
                row = SwitchRow(name)
        return self._remember(row)

    def _update(self, name: str, actions: list[Action], condition: Condition | None) -> bool:
        row = SwitchRow(name)
        with reaching_dynamodb():
            try:
                row.update(actions=actions, condition=condition)
            except UpdateError as error:
                if not condition_failed(error):
                    raise
                self._known.pop(name, None)
                return False
        self._remember(row)
        return True

    def _remember(self, row: SwitchRow) -> SwitchRow:
        self._known[row.name] = (self._now() + _KNOWN_FOR_SECONDS, row)
        return row

    def _now(self) -> float:
        return self._clock().timestamp()


def _state(row: SwitchRow) -> State:
    return "open" if row.state == "open" else "ramping" if row.state == "ramping" else "closed"


def _check(name: str) -> None:
    if name not in SUBSYSTEMS:
        raise NotFoundError(f"there is no switch {name}; there are {', '.join(SUBSYSTEMS)}")
