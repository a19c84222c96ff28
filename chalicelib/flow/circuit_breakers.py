"""The state of each outside subsystem: closed, open, ramping; by itself or by hand. `flow/throttle.py` asks before each
call and reports after it; the API and `tick` read and set it.

Open means that no call leaves. An automatic switch lets one call through every `probe_seconds`, whoever wins its
conditional write; a good probe starts the ramp, from 10 % to 100 % of rate, never falling while it lasts.
"""

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError
from chalicelib.etags import Seen
from chalicelib.flow.breaker_state import AUTO, HAND, RAMP_FROM, SUBSYSTEMS, Admission, State, Switch, SwitchPolicy
from chalicelib.flow.row_cache import KnownRows
from chalicelib.observability import Line
from chalicelib.storage.rows.flow import SwitchRow

_COUNT_TRIES = 5


class Switches:
    """The switches of one stage, as one process sees them."""

    def __init__(self, *, clock: Clock, policy: SwitchPolicy) -> None:
        self._clock = clock
        self.policy = policy
        self._rows = KnownRows(SwitchRow, now=self._now)
        self._probes: dict[str, float] = {}  # the probes that this process took: the `probe_at` that each has written
        self._well_at: dict[str, float] = {}  # when this process was last answered

    def admit(self, name: str) -> Admission:
        """Asked before each call. Raises: UnavailableError (retryable)."""
        row = self._rows.get(name)
        seen = self._seen(row)
        if seen.state != "open":
            return Admission(True, share=seen.share)
        if seen.probe_due and self._take_probe(row):
            return Admission(True, share=RAMP_FROM, probe=True)
        return Admission(False, share=0.0)

    def is_open(self, name: str) -> bool:
        """Asked once more by whoever was admitted and had to wait; takes no probe. Raises: UnavailableError
        (retryable)."""
        return self._seen(self._rows.get(name)).state == "open"

    def succeeded(self, name: str) -> bool:
        """A call was answered as it should be; says whether that ended an outage. An answer to a call that left before
        the switch opened ends none: only the probe does. Raises: UnavailableError (retryable)."""
        row = self._rows.get(name)
        self._well_at[name] = self._now()
        if row.state == "open":
            return self._probe_answered(name)
        if row.state == "ramping" and self._seen(row).state == "closed":
            of_this_ramp = (SwitchRow.state == "ramping") & (SwitchRow.changed_at == row.changed_at)
            self._set(name, "closed", by=AUTO, reason="the ramp is over", condition=of_this_ramp)
        elif row.failures:
            self._rows.update(name, [SwitchRow.failures.set(0)], SwitchRow.failures > 0)
        return False

    def failed(self, name: str, reason: str, *, at_once: bool = False, probe_seconds: int | None = None) -> bool:
        """A call failed in a way that speaks of the subsystem; says whether the switch is open now. `at_once` opens it
        without counting, and sets the pace of the probes of one that is open. Raises: UnavailableError (retryable)."""
        now = self._now()
        if self._rows.get(name).state == "open":
            self._probes.pop(name, None)
            if at_once and probe_seconds:
                self._probe_every(name, probe_seconds, reason=reason)
            return True
        row = self._count_failure(name, now)
        if row.state == "open" or (not at_once and int(row.failures) < self.policy.failures):
            return row.state == "open"
        self._open(name, by=AUTO, reason=reason, probe_seconds=probe_seconds or self.policy.probe_seconds)
        return True

    def refusals(self, name: str) -> float:
        """How many letters the provider has refused in a row. Raises: UnavailableError (retryable)."""
        return float(self._rows.get(name).refusals or 0)

    def count_refusals(self, name: str, actions: list[Action], condition: Condition) -> float | None:
        """Changes that number; what it is then, or None where the condition did not hold. Raises: UnavailableError
        (retryable)."""
        return self.refusals(name) if self._rows.update(name, actions, condition) else None

    def give_back(self, name: str) -> None:
        """The probe that this process took was no call after all: another may leave at once. Raises: UnavailableError
        (retryable)."""
        taken = self._probes.pop(name, None)
        if taken is not None:
            self._rows.update(name, [SwitchRow.probe_at.set(self._now())], SwitchRow.probe_at == taken)

    def open(self, name: str, *, by: str, reason: str, seen: Seen | None = None) -> Switch:
        """Opens by hand: no call leaves, and no probe, until a person closes it. Raises: NotFoundError, ChangedError
        (permanent: it is not what was `seen`), UnavailableError (retryable)."""
        _check(name)
        if not self._open(name, by=by, reason=reason, probe_seconds=None, unchanged=self._unchanged(name, seen)):
            self._unchanged(name, seen)
        return self.read(name)

    def close(self, name: str, *, by: str, reason: str, ramp: bool = True, seen: Seen | None = None) -> Switch:
        """Closes by hand, by the ramp unless told otherwise. Raises: NotFoundError, ChangedError (permanent: it is not
        what was `seen`), UnavailableError (retryable)."""
        _check(name)
        condition = self._unchanged(name, seen)
        if ramp:
            is_open = SwitchRow.state == "open"
            condition = is_open if condition is None else is_open & condition
        if not self._set(name, "ramping" if ramp else "closed", by=by, reason=reason, condition=condition):
            self._unchanged(name, seen)
        return self.read(name)

    def _unchanged(self, name: str, seen: Seen | None) -> Condition | None:
        """That nobody throws it before this write. Raises: ChangedError (permanent): somebody has."""
        if seen is None:
            return None
        switch = self.read(name)
        seen.require({field: getattr(switch, field) for field in HAND}, what=f"the switch {name}")
        at = SwitchRow.changed_at
        return at.does_not_exist() if switch.changed_at is None else at == switch.changed_at

    def read(self, name: str) -> Switch:
        """A switch as it is now. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        _check(name)
        self._rows.forget(name)
        return self._seen(self._rows.get(name))

    def read_all(self) -> list[Switch]:
        """Every switch as it is now, in one request. Raises: UnavailableError (retryable)."""
        return [self._seen(row) for row in self._rows.read_all(SUBSYSTEMS)]

    def remember(self, row: SwitchRow) -> SwitchRow:
        """Takes what another has just read together with rows of its own; answers it."""
        return self._rows.remember(row)

    def watch(self) -> Line:
        """What `tick` tells the alarms: which switches are open. Raises: UnavailableError (the next tick goes on)."""
        return Line(counts={f"switch_open_{switch.name}": int(switch.state == "open") for switch in self.read_all()})

    def _seen(self, row: SwitchRow) -> Switch:
        return Switch.of(row, self.policy, self._now())

    def _take_probe(self, row: SwitchRow) -> bool:
        following = self._now() + (row.probe_seconds or self.policy.probe_seconds)
        free = (SwitchRow.state == "open") & (SwitchRow.by == AUTO) & (SwitchRow.probe_at <= self._now())
        taken = self._rows.update(row.name, [SwitchRow.probe_at.set(following)], free)
        if taken:
            self._probes[row.name] = following
        return taken

    def _probe_answered(self, name: str) -> bool:
        taken = self._probes.pop(name, None)
        if taken is None:
            return False
        # A person may have opened the switch meanwhile, or another probe is under way: then this answer is old news.
        mine = (SwitchRow.state == "open") & (SwitchRow.by == AUTO) & (SwitchRow.probe_at == taken)
        return self._set(name, "ramping", by=AUTO, reason="the probe was answered", condition=mine)

    def _probe_every(self, name: str, seconds: int, *, reason: str) -> None:
        actions: list[Action] = [
            SwitchRow.reason.set(reason),
            SwitchRow.probe_seconds.set(seconds),
            SwitchRow.probe_at.set(self._now() + seconds),
        ]
        self._rows.update(name, actions, (SwitchRow.state == "open") & (SwitchRow.by == AUTO))

    def _count_failure(self, name: str, now: float) -> SwitchRow:
        # A failure is consecutive where nobody was answered since the last: others say so by writing 0, this process
        # knows of itself, with no write for every good call.
        since = max(now - self.policy.window_seconds, self._well_at.get(name, 0))
        one_more: list[Action] = [SwitchRow.failures.set(SwitchRow.failures + 1), SwitchRow.failed_at.set(now)]
        first: list[Action] = [SwitchRow.failures.set(1), SwitchRow.failed_at.set(now)]
        before = SwitchRow.failed_at.does_not_exist() | (SwitchRow.failed_at < since)
        count = self._rows.update
        for _ in range(_COUNT_TRIES):  # between the two writes another may have counted
            if count(name, one_more, SwitchRow.failed_at >= since) or count(name, first, before):
                break
        return self._rows.get(name)

    def _open(
        self, name: str, *, by: str, reason: str, probe_seconds: int | None, unchanged: Condition | None = None
    ) -> bool:
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
            return self._rows.update(name, actions, unchanged)
        actions += [SwitchRow.probe_seconds.set(probe_seconds), SwitchRow.probe_at.set(now + probe_seconds)]
        # What a person has opened stays theirs.
        return self._rows.update(name, actions, SwitchRow.state.does_not_exist() | (SwitchRow.state != "open"))

    def _set(self, name: str, state: State, *, by: str, reason: str, condition: Condition | None) -> bool:
        actions: list[Action] = [
            SwitchRow.state.set(state),
            SwitchRow.by.set(by),
            SwitchRow.reason.set(reason),
            SwitchRow.changed_at.set(self._now()),
            SwitchRow.failures.set(0),
        ]
        return self._rows.update(name, actions, condition)

    def _now(self) -> float:
        return self._clock().timestamp()


def _check(name: str) -> None:
    if name not in SUBSYSTEMS:
        raise NotFoundError(f"there is no switch {name}; there are {', '.join(SUBSYSTEMS)}")
