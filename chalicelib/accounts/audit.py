"""Who did what, when and from where, on the pages or through the API: written before it is done, completed after, never
changed; and read newest first, one entry per action, whatever lines it has (ADR 0070)."""

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, Json, ValidationError

from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.errors import VestnikError
from chalicelib.observability import aside, request_id
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.audit import END, AuditChain, LinePlace, lines_before
from chalicelib.storage.cursor import read_place, whole, write_cursor

INTENDED, DONE, READ, FAILED = "intended", "done", "read", "failed"
UNKNOWN = "unknown"  # for what was begun and has no end: the process died, or its last line was lost
UNREADABLE = "unreadable"  # for what somebody else has put in
NOBODY = "?"  # for callers who have not proved who they are
_REFUSALS, _WINDOW = 20, timedelta(minutes=5)  # lines of refusals per caller, within this time, by one process

_ID = re.compile(r"[A-Za-z0-9._~:-]{1,256}")  # of users, letters, templates, settings

_noted: ContextVar[dict[str, Any] | None] = ContextVar("noted", default=None)
_SCOPE = "audit"
_REQUESTS = 5  # the most that one page takes; if it found too little, its cursor continues from there
_EMPTY_MONTHS = 3  # in a row, after which nothing older is searched
_FIRST_YEAR = 2000  # before there was any
_READ = 500  # lines read per request

_Place = tuple[str, str | None, int]  # the month, the line above, the empty months above


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


class Entry(NamedTuple):
    """An action, a view or a refusal. `at` is its beginning; `outcome` is `done`, `read`, `failed`, the kind of the
    refusal, `unknown` for what was begun and has no end (yet), or `unreadable` for what we have not written."""

    at: str | None
    door: str
    by: str
    did: str
    thing: str | None
    outcome: str
    ip: str
    request: str | None
    details: Mapping[str, Any]


class _Details(BaseModel):
    model_config = ConfigDict(frozen=True, defer_build=True)

    fields: list[str] = []
    things: list[str] = []
    before: Any = None
    after: Any = None
    left_out: int = 0


class _Line(BaseModel):
    """A line as `audit.py` writes it. Whoever can put in other lines must not hide these."""

    model_config = ConfigDict(frozen=True, defer_build=True)

    door: str
    by: str
    did: str
    thing: str | None = None
    outcome: str
    ip: str
    request: str | None = None
    details: Json[_Details] = Field(default_factory=_Details)


class AuditReader:
    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def page(
        self,
        *,
        limit: int,
        cursor: str | None,
        since: datetime | None = None,
        until: datetime | None = None,
        wanted: Mapping[str, str] | None = None,
    ) -> tuple[list[Entry], str | None]:
        """Newest first, begun from `since` on and before `until`; those `wanted` by the fields of an entry. A page may
        hold less than `limit` and still have a cursor. Raises: InvalidError (permanent: the cursor is not ours),
        UnavailableError (retryable)."""
        newest = until or self._clock()
        start: _Place = (f"{newest:%Y-%m}", rfc3339(until) if until else None, 0)
        month, before, empty = read_place(cursor, scope=_SCOPE, read=_place) if cursor else start
        oldest = rfc3339(since) if since else ""
        found: list[Entry] = []
        for _ in range(_REQUESTS):
            lines = lines_before(month, before, limit=_READ)
            empty = 0 if lines else empty + 1
            for line in lines:
                place: str = line["place"]
                if place < oldest:
                    return found, None
                ended, before = before == f"{place}{END}", place
                entry = _read(line)
                if not ended and all(_is(entry, field, value) for field, value in (wanted or {}).items()):
                    found.append(entry)
                if len(found) == limit:
                    return found, _cursor(month, before, empty)
            if len(lines) < _READ:
                month, before = _month_before(month), None
            if empty == _EMPTY_MONTHS or month < oldest[:7]:
                return found, None
        return found, _cursor(month, before, empty)


def _place(state: Mapping[str, Any]) -> _Place:
    month, before = datetime.strptime(state["month"], "%Y-%m"), state["place"]
    if month.year < _FIRST_YEAR or not isinstance(before, str | None):
        raise ValueError(state)
    return f"{month:%Y-%m}", before, whole(state["empty"])


def _cursor(month: str, place: str | None, empty_months: int) -> str:
    return write_cursor({"month": month, "place": place, "empty": empty_months}, scope=_SCOPE)


def _read(stored: Mapping[str, Any]) -> Entry:
    began = None
    with suppress(ValueError):
        began = rfc3339(parse_rfc3339(stored["place"].partition("#")[0]))
    try:
        line = _Line.model_validate(stored)
    except ValidationError:
        return Entry(began, NOBODY, NOBODY, UNREADABLE, None, UNREADABLE, NOBODY, None, {})
    outcome = UNKNOWN if line.outcome == INTENDED else line.outcome
    details = line.details.model_dump(exclude_unset=True)
    return Entry(began, line.door, line.by, line.did, line.thing, outcome, line.ip, line.request, details)


def _is(entry: Entry, field: str, value: str) -> bool:
    return getattr(entry, field) == value or (field == "thing" and value in entry.details.get("things", ()))


def _month_before(month: str) -> str:
    first = datetime.strptime(month, "%Y-%m")
    return f"{first - timedelta(days=1):%Y-%m}"
