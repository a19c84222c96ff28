"""Misbehaving on request: what tests ask the mailbox to do wrong, how often and to whom. Faults live in
memory: a restarted mailbox behaves."""

import random
import threading
from collections.abc import Iterable, Sequence
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from ses_mailbox.errors import DAILY_QUOTA, SES_CODES, TEXTS, SesError

Kind = Literal[
    "throttle",
    "daily_quota",
    "refuse",
    "server_error",
    "stall",
    "drop_reply",
    "reset",
    "no_events",
    "duplicate_events",
    "reorder_events",
]
REFUSALS: frozenset[Kind] = frozenset({"throttle", "daily_quota", "refuse", "server_error"})
EVENT_FAULTS: frozenset[Kind] = frozenset({"no_events", "duplicate_events", "reorder_events"})


class Fault(BaseModel):
    """One fault. `times` null: until deleted. `to`: only calls (or letters) with a recipient that contains it.
    `entries`: in a bulk call refuse only the matching entries; by default so when `to` is given. `text`: what SES says,
    instead of the usual."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind
    times: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, ge=0, le=1)
    seconds: float = Field(default=0.0, ge=0, le=900)
    to: str | None = Field(default=None, min_length=1)
    entries: bool | None = None
    error: str = "MessageRejected"
    text: str | None = Field(default=None, min_length=1)

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        if self.error not in SES_CODES:
            raise ValueError(f"error is one of {', '.join(sorted(SES_CODES))}")
        if self.entries and self.kind not in REFUSALS:
            raise ValueError(f"entries goes only with {', '.join(sorted(REFUSALS))}")
        return self

    @property
    def by_entry(self) -> bool:
        """True if a bulk call loses single entries to it and not the whole call."""
        return self.entries if self.entries is not None else self.to is not None and self.kind in REFUSALS

    def matches(self, recipients: Iterable[str]) -> bool:
        """True if it is meant for a letter to these."""
        if self.to is None:
            return True
        wanted = self.to.casefold()
        return any(wanted in recipient.casefold() for recipient in recipients)

    def refusal(self) -> SesError:
        """The answer of SES in this trouble."""
        match self.kind:
            case "throttle":
                return SesError("TooManyRequestsException", self.text or "Maximum sending rate exceeded.")
            case "daily_quota":
                return SesError("TooManyRequestsException", self.text or DAILY_QUOTA)
            case "server_error":
                return SesError("InternalServiceErrorException", self.text or TEXTS["InternalServiceErrorException"])
            case _:
                return SesError(self.error, self.text or TEXTS[self.error])


class Faults:
    """The faults that are set, and how often each fired. Safe for threads: `times: n` means n times."""

    def __init__(self, chance: random.Random | None = None) -> None:
        self._lock = threading.Lock()
        self._chance = chance or random.Random()  # noqa: S311  (chance, not secrecy)
        self._faults: dict[int, Fault] = {}
        self._fired: dict[int, int] = {}
        self._last_id = 0

    def add(self, fault: Fault) -> int:
        """Sets a fault; its id is for `remove`."""
        with self._lock:
            self._last_id += 1
            self._faults[self._last_id] = fault
            self._fired[self._last_id] = 0
            return self._last_id

    def remove(self, fault_id: int | None = None) -> bool:
        """Removes one fault, or all. False if there is no such fault."""
        with self._lock:
            if fault_id is None:
                self._faults.clear()
                self._fired.clear()
                return True
            self._fired.pop(fault_id, None)
            return self._faults.pop(fault_id, None) is not None

    def listed(self) -> list[dict[str, object]]:
        """Every fault with its id and `fired`, spent ones too."""
        with self._lock:
            return [
                {"id": fault_id, **fault.model_dump(), "fired": self._fired[fault_id]}
                for fault_id, fault in self._faults.items()
            ]

    def take(self, kinds: frozenset[Kind], recipients: Sequence[str], *, by_entry: bool | None = None) -> Fault | None:
        """The first fault that applies, now counted as fired. `by_entry` None: whatever its `by_entry` is."""
        if not self._faults:  # the common case, without the lock
            return None
        with self._lock:
            for fault_id, fault in self._faults.items():
                if fault.kind not in kinds or by_entry not in {None, fault.by_entry}:
                    continue
                spent = fault.times is not None and self._fired[fault_id] >= fault.times
                if spent or not fault.matches(recipients) or self._chance.random() >= fault.probability:
                    continue
                self._fired[fault_id] += 1
                return fault
        return None
