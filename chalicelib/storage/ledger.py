"""The deliveries of the ledger, and the only writer of their outcomes (`outcomes.py`; ADR 0097).

Every move is a conditional write, and a failed condition is not an error but an answer: somebody was faster. The
letters of a chunk are moved by one write; one that its state forbids to move is left out, and the others move. What is
heard of letters is added to their chunk by a write without a condition.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.clock import Clock, expiry_epoch, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import OWN_CHUNK, DeliveryKey, Move, S, may_follow
from chalicelib.errors import InvalidError, UnavailableError
from chalicelib.isolation import each
from chalicelib.marks import Heard, engaged, followed
from chalicelib.observability import log_failure
from chalicelib.outcomes import Outcomes, Refusal
from chalicelib.states import Engagement
from chalicelib.storage.chunk_letters import write_provider_ids
from chalicelib.storage.link_clicks import note_click
from chalicelib.storage.outcomes import (
    Found,
    OutcomesKey,
    Place,
    Stored,
    mark_outcomes,
    places_of,
    read_stored,
    write_outcomes,
)

if TYPE_CHECKING:
    from chalicelib.storage.deliveries import Delivery

_ROUNDS = 12  # everybody who is faster makes progress
_CLAIMED = 100  # chunks of which this worker knows what it wrote
_PEOPLE = frozenset({Engagement.OPENED, Engagement.CLICKED})
_Placed = tuple[int, Move]  # a move, and the place of its letter


class DeliveryState(NamedTuple):
    """`status` is empty if it cannot be read; `engaged`: a person has opened it, or clicked in it."""

    status: str
    engaged: bool


class Ledger(Composed):
    """Reads deliveries, and moves them."""

    clock: Clock
    retention_days: int

    def move(self, moves: Sequence[Move]) -> dict[DeliveryKey, Refusal]:
        """Makes every move that its delivery's state allows; returns the others. A move already made by the same owner
        counts as made (a lost reply of DynamoDB). An unreadable delivery stays as it is. Raises: UnavailableError
        (retryable); moves made before it stay."""
        places = places_of(one.key for one in moves)
        chunks: dict[OutcomesKey, list[_Placed]] = {}
        for one in moves:
            chunks.setdefault(places[one.key].outcomes, []).append((places[one.key].place, one))
        claimed = {key: self._claimed.pop(key) for key in chunks if key in self._claimed}
        known = {**self._known([one for one in places.values() if one.outcomes not in claimed], chunks), **claimed}
        refused: dict[DeliveryKey, Refusal] = {}

        def stays(key: OutcomesKey, error: Exception) -> None:
            for _, move in chunks[key]:
                log_failure("move", error, delivery=move.key.id)
                refused[move.key] = Refusal(None)

        def move(key: OutcomesKey) -> dict[DeliveryKey, Refusal]:
            return self._move(key, chunks[key], known[key], certain=key not in claimed)

        for some in each(move, chunks, alone=stays):
            refused |= some
        return refused

    def hear(self, heard: Sequence[Heard]) -> list[bool]:
        """Records what was heard of deliveries, in any order, and whether each may be news. What is heard of a
        delivery that does not exist is passed over. Idempotent. Raises: UnavailableError (retryable), InvalidError
        (permanent: a delivery cannot be read; the others may not be recorded)."""
        places = places_of(one.key for one in heard)
        stored = read_stored(places.values(), consistent=False)
        news: dict[OutcomesKey, list[int]] = {}
        for n, one in enumerate(heard):
            where = places[one.key]
            if not _readable(stored[where.outcomes]).outcomes.has(where.place, one):
                news.setdefault(where.outcomes, []).append(n)
        recorded: set[int] = set()
        for key, numbers in news.items():
            if self._mark(key, _readable(stored[key]), [(places[heard[n].key].place, heard[n]) for n in numbers]):
                recorded.update(numbers)
        return [n in recorded for n in range(len(heard))]

    def engage(self, key: DeliveryKey, what: Engagement) -> None:
        """Records that a reader or a program does something with a letter now. Raises: as `hear`."""
        self.hear([engaged(key, what, self.clock())])

    def note_link(self, key: DeliveryKey, what: Engagement, link: str) -> None:
        """Records which link of a letter of a run was followed now, by its code. Idempotent. Raises: as `hear`."""
        at, place = self.clock(), places_of([key])[key]
        if place.outcomes.chunk != OWN_CHUNK and not place.old:
            expires = expiry_epoch(self.retention_days, since=at)
            note_click(place.outcomes, place.place, followed(key, what, link, at), expires=expires)

    def read(self, key: DeliveryKey) -> "Delivery | None":
        """Raises: UnavailableError (retryable), InvalidError (permanent): it cannot be read."""
        from chalicelib.storage.deliveries import read_deliveries

        def unreadable(_: DeliveryKey, error: Exception) -> None:
            raise error

        return next(iter(read_deliveries([key], unreadable=unreadable)), None)

    def states(self, keys: Collection[DeliveryKey], *, consistent: bool = True) -> dict[DeliveryKey, DeliveryState]:
        """Those that exist; a hundred chunks per request. Not `consistent`: as of a second ago, at half the price.
        Raises: UnavailableError (retryable)."""
        places = places_of(keys)
        stored = read_stored(places.values(), consistent=consistent)
        states = {key: _state(stored[place.outcomes], place.place) for key, place in places.items()}
        return {key: state for key, state in states.items() if state is not None}

    def uncertain(self, *, limit: int, cursor: str | None) -> "tuple[list[Delivery], str | None]":
        """A page of those that wait for a person, oldest first, and the cursor of the next. Raises: InvalidError
        (permanent), UnavailableError (retryable)."""
        from chalicelib.storage.deliveries import uncertain

        return uncertain(limit=limit, cursor=cursor)

    @cached_property
    def _claimed(self) -> dict[OutcomesKey, Stored]:
        """Chunks as this worker has claimed them: most likely nobody has changed them since."""
        return {}

    def _known(
        self, places: Iterable[Place], chunks: Mapping[OutcomesKey, Sequence[_Placed]]
    ) -> dict[OutcomesKey, Found]:
        """What the chunks are most likely to hold: nothing where the first claim of a letter is made, which DynamoDB
        will contradict if it is wrong; otherwise what is read."""
        first = {key for key, moves in chunks.items() if all(_is_first(move) for _, move in moves)}
        new = {place.outcomes for place in places if not place.old} & first
        return {**dict.fromkeys(new, Stored(Outcomes())), **read_stored([p for p in places if p.outcomes not in new])}

    def _move(
        self, key: OutcomesKey, moves: Sequence[_Placed], known: Found, *, certain: bool
    ) -> dict[DeliveryKey, Refusal]:
        """Those that were refused; for that the chunk must be as it is now, and not as this worker has left it."""
        own = key.chunk == OWN_CHUNK
        for _ in range(_ROUNDS):
            stored = _readable(known)
            outcomes, at = stored.outcomes.copy(), self.clock()
            tried = {
                move.key: outcomes.take(place, move if own else move._replace(provider_id=None), at)
                for place, move in moves
            }
            refused = {one: refusal for one, refusal in tried.items() if refusal is not None}
            unchanged = outcomes.text() == stored.outcomes.text()
            if (not refused or certain) and (unchanged or self._write(key, outcomes, stored, moves, at)):
                ids = {place: move.provider_id for place, move in moves if move.provider_id and move.key not in refused}
                if ids and not own:
                    write_provider_ids(key, ids, at=at, expires=self._expires(stored, moves, at))
                return refused
            known, certain = read_stored([Place(key, 0)])[key], True
        raise UnavailableError(f"the ledger was contended: {len(moves)} deliveries were not written")

    def _write(
        self, key: OutcomesKey, outcomes: Outcomes, over: Stored, moves: Sequence[_Placed], at: datetime
    ) -> bool:
        blind = all(move.is_answer for _, move in moves)
        sent_to = [(place, move.provider) for place, move in moves if move.provider is not None]
        expires = self._expires(over, moves, at)
        written = write_outcomes(
            key, outcomes, over=over, at=rfc3339(at), expires=expires, blind=blind, sent_to=sent_to
        )
        if written is not None and any(move.status is S.CALLING for _, move in moves):
            if len(self._claimed) >= _CLAIMED:
                self._claimed.clear()
            self._claimed[key] = written
        return written is not None

    def _expires(self, over: Stored, moves: Sequence[_Placed], at: datetime) -> int:
        least = over.expires or expiry_epoch(self.retention_days, since=at)
        return max(least, *(move.expires_at_epoch or 0 for _, move in moves))

    def _mark(self, key: OutcomesKey, known: Stored, heard: Sequence[tuple[int, Heard]]) -> bool:
        if known.version == 0 and known.expires:  # of the last release
            write_outcomes(key, known.outcomes, over=known, at=rfc3339(self.clock()), expires=known.expires, blind=True)
        numbers: dict[str, set[int]] = {}
        for place, one in heard:
            numbers.setdefault(one.mark, set()).add(one.number(place))
        unnamed = {
            place: one.provider_id
            for place, one in heard
            if one.provider_id and may_follow((S.SENT, None), known.outcomes.standing(place).taken)
        }
        return mark_outcomes(key, numbers, told_ids=unnamed)


def _is_first(move: Move) -> bool:
    return move.status is S.CALLING and move.attempt == 1


def _readable(found: Found) -> Stored:
    if isinstance(found, InvalidError):
        raise found
    return found


def _state(found: Found, place: int) -> DeliveryState | None:
    if isinstance(found, InvalidError):
        return DeliveryState("", engaged=False)
    status = found.outcomes.standing(place).status
    if status is None:
        return None
    return DeliveryState(status.value, bool(_PEOPLE & found.outcomes.seen(place).first.keys()))
