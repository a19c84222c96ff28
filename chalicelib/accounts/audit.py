"""Who did what, when and from where, on the pages or through the API: written before it is done, completed after, never
changed (ADR 0070)."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from chalicelib.clock import Clock
from chalicelib.errors import VestnikError
from chalicelib.observability import aside, request_id
from chalicelib.security.address_hash import AddressHashes
from chalicelib.storage.audit import AuditChain, LinePlace

INTENDED, DONE, READ, FAILED = "intended", "done", "read", "failed"
UNKNOWN = "unknown"  # for what was begun and has no end: the process died, or its last line was lost
UNREADABLE = "unreadable"  # for what somebody else has put in
NOBODY = "?"  # for callers who have not proved who they are
_REFUSALS, _WINDOW = 20, timedelta(minutes=5)  # lines of refusals per caller, within this time, by one process

_ID = re.compile(r"[A-Za-z0-9._~:-]{1,256}")  # of users, letters, templates, settings

_noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)


class Door(StrEnum):
    """Where somebody came in: the pages or the API."""

    PAGE = "page"
    API = "api"


class Deed(NamedTuple):
    """What somebody is about to do. `by`: a manager's name or a key's id; `thing`: an id, or the hash of an address."""

    door: Door
    by: str
    did: str
    thing: str | None
    ip: str


def note(**details: Any) -> None:
    """Adds details to the end of the current action: the state `before` and `after`, and the `things` that it made or
    concerned, if many. No personal data. Outside an action it does nothing."""
    noted = _noted.get()
    if noted is not None:
        noted.update(details)


class Audit:
    """The audit, as this process writes it."""

    def __init__(self, *, clock: Clock, chain: AuditChain) -> None:
        self._clock, self._chain = clock, chain
        self._refused: dict[tuple[Door, str], tuple[datetime, int]] = {}  # since when, how often

    @contextmanager
    def act(self, deed: Deed, **details: Any) -> Iterator[None]:
        """Writes a line before and one after the work inside; if the second cannot be written, that is logged, and what
        has been done stays done. Raises: UnavailableError (retryable): nothing was done."""
        begun, outcome, noted = self._add(deed, INTENDED), FAILED, dict(details)
        token = _noted.set(noted)
        try:
            yield
            outcome = DONE
        except VestnikError as error:
            outcome = outcome_of(type(error))
            raise
        finally:
            _noted.reset(token)
            with aside("audit"):
                self._add(deed, outcome, begun=begun, details=noted or None)

    def look(self, deed: Deed) -> None:
        """Before personal data are shown. Raises: UnavailableError (retryable): they must not be shown."""
        self._add(deed, READ)

    def let_in(self, deed: Deed) -> None:
        """Before somebody is signed in. Raises: UnavailableError (retryable)."""
        self._add(deed, DONE)

    def refuse(self, deed: Deed, error: VestnikError) -> None:
        """A refusal. Never raises: the caller is refused anyway. A caller who keeps trying gets few lines, and the next
        one counts what was left out, so that nobody can flood the audit."""
        at, who = self._clock(), (deed.door, deed.by)
        began, count = self._refused.get(who, (at, 0))
        left_out = 0
        if at - began >= _WINDOW:
            began, count, left_out = at, 0, max(0, count - _REFUSALS)
        self._refused[who] = (began, count + 1)
        if count < _REFUSALS:
            with aside("audit"):
                self._add(deed, outcome_of(type(error)), details={"left_out": left_out} if left_out else None)

    def _add(
        self, deed: Deed, outcome: str, *, begun: LinePlace | None = None, details: dict[str, Any] | None = None
    ) -> LinePlace:
        fields = {**deed._asdict(), "door": deed.door.value}
        return self._chain.add(begun=begun, **fields, outcome=outcome, request=request_id(), details=details)


def thing_of(named: str, hashes: AddressHashes) -> str:
    """The object of an action as the audit may hold it: ids stay, anything else (an address, a number, a person's name)
    becomes its keyed hash. Raises: UnavailableError (retryable)."""
    return named if _ID.fullmatch(named) else hashes.owner("sms" if named.startswith("+") else "email", named)


def outcome_of(kind: type[VestnikError]) -> str:
    """The kind of a refusal, as the audit names it."""
    return kind.__name__.removesuffix("Error").lower()
