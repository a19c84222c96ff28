"""A step of a delivery: what a worker, or a person, did with it, and when; and where it stands after all its steps."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

from chalicelib.clock import BEGAN, parse_rfc3339, rfc3339
from chalicelib.deliveries import DeliveryStatus, Move, S, Status
from chalicelib.reasons import Reason

# A step's fields as they are stored.
_SHORT: Mapping[str, str] = {
    "reason": "r",
    "rule": "u",
    "attempt": "a",
    "times": "n",
    "owner": "o",
    "lease_until": "l",  # microseconds after the step
    "provider_id": "p",
    "resend": "s",
    "void": "v",
}
_LONG: Mapping[str, str] = {short: name for name, short in _SHORT.items()}
_MICROSECOND = timedelta(microseconds=1)


class Step(NamedTuple):
    """What happened at once to some places. `void` are marks that no longer count: a person has decided otherwise."""

    at: str
    status: DeliveryStatus
    places: int
    reason: str | None = None
    rule: str | None = None
    attempt: int | None = None
    times: int | None = None  # how many alike it stands for (ADR 0018)
    owner: str | None = None
    lease_until: str | None = None
    provider_id: str | None = None
    resend: bool | None = None
    void: tuple[str, ...] = ()

    def plain(self) -> list[Any]:
        """For JSON, and short: what is written for each chunk is read for each letter of a run."""
        at = _micros(self.at)
        more = {_SHORT[name]: value for name, value in zip(self._fields[3:], self[3:], strict=True) if value}
        if self.lease_until:
            more[_SHORT["lease_until"]] = _micros(self.lease_until) - at
        return [at, self.status.value, f"{self.places:x}", *([more] if more else [])]

    @classmethod
    def of(cls, plain: Sequence[Any]) -> "Step":
        """The inverse of `plain`. Raises: ValueError, TypeError, LookupError, OverflowError."""
        at, status, places, *more = plain
        fields: dict[str, Any] = {_LONG[name]: value for name, value in dict(more[0]).items()} if more else {}
        if "lease_until" in fields:
            fields["lease_until"] = _moment(at + fields["lease_until"])
        void = tuple(fields.pop("void", ()))
        return cls(_moment(at), DeliveryStatus(status), int(places, 16), **fields, void=void)

    def in_place_of(self, last: "Step") -> "Step":
        """As the one entry for itself and the last before it, of which it keeps what is not its own."""
        kept = ("attempt", "owner", "lease_until", "provider_id", *(() if self.is_by_hand else ("resend",)))
        own = {name: getattr(self, name) or getattr(last, name) for name in kept}
        return self._replace(times=(last.times or 1) + 1, void=(*last.void, *self.void), **own)

    @property
    def is_by_hand(self) -> bool:
        """Whether a person has decided."""
        return self.reason in (Reason.BY_HAND, Reason.ASSUMED_BY_HAND)

    def told(self) -> dict[str, Any]:
        """For a timeline."""
        said = {"status": self.status.value, "reason": self.reason, "rule": self.rule, "attempt": self.attempt}
        return {
            name: value for name, value in {"at": self.at, **said, "times": self.times}.items() if value is not None
        }


@lru_cache(maxsize=16)
def step_of(move: Move, when: datetime) -> Step:
    """A move as a step of no place yet. The letters of a chunk move alike."""
    at, calling = rfc3339(when), move.status is S.CALLING
    return Step(
        at,
        move.status,
        places=0,
        reason=move.reason,
        rule=move.rule,
        attempt=(move.attempt or 1) if calling else move.attempt,
        owner=move.owner if calling else None,
        lease_until=(rfc3339(move.lease_until) if move.lease_until else at) if calling else None,
        provider_id=move.provider_id,
        resend=move.resend or None,
    )


class Standing(NamedTuple):
    """One delivery as it stands. `taken` is its state by the steps alone, which are oldest first."""

    status: DeliveryStatus | None
    reason: str | None
    taken: Status
    steps: Sequence[Step]

    @property
    def claim(self) -> Step | None:
        """The newest."""
        return next((step for step in reversed(self.steps) if step.owner), None)

    @property
    def owner(self) -> str | None:
        """Of the newest claim."""
        return self.claim.owner if self.claim else None

    @property
    def lease_until(self) -> str | None:
        """Of a claim whose outcome is not known."""
        return self.claim.lease_until if self.claim and self.status is S.CALLING else None

    def allows(self, move: Move) -> bool:
        """Whether a move may be made now."""
        if move.owner is not None and move.status is not S.CALLING and move.owner != self.owner:
            return False
        if move.resend and self.resent:
            return False
        return move.fits(self.before(move))

    def before(self, move: Move) -> Status:
        """The state that a move is made from. The answer to a call is taken down whatever was heard before it, so that
        the order does not matter."""
        return self.taken if move.is_answer else (self.status, self.reason)

    @property
    def resent(self) -> bool:
        """Whether it was sent once more although the provider may have it, since a person decided last."""
        since = next((step for step in reversed(self.steps) if step.resend or step.is_by_hand), None)
        return since is not None and bool(since.resend)


def _micros(at: str) -> int:
    return (parse_rfc3339(at) - BEGAN) // _MICROSECOND


def _moment(micros: int) -> str:
    return rfc3339(BEGAN + micros * _MICROSECOND)
