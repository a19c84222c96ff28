"""The state of a subsystem's circuit breaker, for whoever reads one."""

from typing import Literal, NamedTuple

from chalicelib.storage.rows.flow import SwitchRow

SUBSYSTEMS = ("profiles", "ses", "sns", "webhook", "chat", "live")
RAMP_FROM = 0.1
HAND = ("name", "state", "by", "reason")  # what somebody has seen of a switch that they throw
AUTO = "auto"  # `by` of a switch that opened by itself

State = Literal["closed", "open", "ramping"]


class SwitchPolicy(NamedTuple):
    """When a switch opens by itself and how it comes back."""

    failures: int = 5  # consecutive, over all workers
    window_seconds: int = 60  # a failure older than this is forgotten
    probe_seconds: int = 60
    ramp_seconds: int = 300


class Admission(NamedTuple):
    """Whether a call may leave now: at which share of the full rate, and whether it is the one probe."""

    allowed: bool
    share: float = 1.0
    probe: bool = False


class Switch(NamedTuple):
    """A switch as people see it. `share` is the part of the full rate that is let through; `probe_at` is when the next
    probe may leave, None where there is none: a switch that is not open, or was opened by hand."""

    name: str
    state: State
    by: str | None
    reason: str | None
    changed_at: float | None
    failures: int
    share: float
    probe_at: float | None
    probe_due: bool

    @classmethod
    def of(cls, row: SwitchRow, policy: SwitchPolicy, now: float) -> "Switch":
        """The switch in a row, at a moment (epoch seconds)."""
        share = _share(row, policy, now)
        probe_at = (row.probe_at or 0) if row.state == "open" and row.by == AUTO else None
        return cls(
            name=row.name,
            state="open" if row.state == "open" else "closed" if share >= 1 else "ramping",
            by=row.by,
            reason=row.reason,
            changed_at=row.changed_at,
            failures=int(row.failures),
            share=share,
            probe_at=probe_at,
            probe_due=probe_at is not None and probe_at <= now,
        )


def _share(row: SwitchRow, policy: SwitchPolicy, now: float) -> float:
    if row.state == "open":
        return 0.0
    if row.state != "ramping":
        return 1.0
    passed = (now - (row.changed_at or 0)) / max(1, policy.ramp_seconds)
    return min(1.0, RAMP_FROM + (1 - RAMP_FROM) * max(0.0, passed))
