"""What became of a run's letters, read from its chunks: no count is kept that could be wrong.

A run of a million letters has twenty thousand chunks. They are read page by page, as of a second ago, at half the
price.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.deliveries import PLACES, UNDER_WAY, UNSENT, DeliveryKey, DeliveryStatus, Spot, Status
from chalicelib.isolation import each
from chalicelib.marks import moment_of, seen_by_place
from chalicelib.observability import log_failure
from chalicelib.outcomes import Outcomes
from chalicelib.states import Engagement
from chalicelib.storage.chunk_letters import ROSTER_PREFIX, homes_of, roster_of
from chalicelib.storage.cursor import whole
from chalicelib.storage.dynamodb import dynamodb, reaching_dynamodb
from chalicelib.storage.outcomes import OUTCOMES_PREFIX, OutcomesKey, spots_of, stored_of
from chalicelib.storage.rows.ledger import LedgerRow

ENGAGEMENTS = frozenset(Engagement) - {Engagement.DELAYED}
MOST_CHUNKS = 4000  # of one page: some megabytes
_LETTERS, _MOST_ROWS = 50, 1000  # so many are in most chunks; a megabyte
_CHUNK = re.compile("[A-D]?[a-z2-7]* ?")  # a space: what follows it
_LAST = "~"  # behind every chunk
_ORDER = "234567abcdefghijklmnopqrstuvwxyz"  # the signs of a chunk's name, as they are sorted
_Chunk = tuple[str, list[str]]


class RunPlace(NamedTuple):
    """Where a list of a run's deliveries continues: in which of its homes, from which chunk, at which of its
    deliveries."""

    home: int = 0
    chunk: str = ""
    number: int = 0

    @classmethod
    def of(cls, given: Sequence[Any]) -> "RunPlace":
        """One that comes from outside. Raises: ValueError, TypeError: it is none."""
        home, chunk, number = given
        if not _CHUNK.fullmatch(chunk):
            raise ValueError("no chunk of a run")
        return cls(whole(home), chunk, whole(number))

    def share(self, homes: int) -> float:
        """How much of a run lies before it, from 0 to 1: the names of chunks are digests, spread evenly."""
        inside = sum(
            _ORDER.index(sign) / float(len(_ORDER)) ** n for n, sign in enumerate(self.chunk[:4].strip(), start=1)
        )
        return (self.home + inside) / homes


class RunLetter(NamedTuple):
    """One delivery of a run; without a status nothing has become of it yet. `first` has the marks of when it was opened
    and so on for the first time."""

    key: DeliveryKey
    status: DeliveryStatus | None
    reason: str | None
    first: Mapping[Engagement, int] = {}

    def at(self, what: Engagement) -> str | None:
        """When that happened for the first time, as RFC 3339; None: it has not."""
        number = self.first.get(what)
        return None if number is None else moment_of(number)


def counted_as(status: DeliveryStatus | None, reason: str | None) -> str | None:
    """The word under which a state is counted, with the reason if it was not sent; None: it is still under way, and not
    counted, unless it waits for its reader's hour or a channel before it."""
    if status is None or (status in UNDER_WAY and status is not DeliveryStatus.WAITING):
        return None
    return f"{status.value}#{reason or 'unknown'}" if status in UNSENT else status.value


def count_run(run_id: str, *, homes: int = 1) -> Counter[str]:
    """How many of its deliveries are in which state, by word, and how many were opened and so on. Raises:
    UnavailableError (retryable)."""
    words: Counter[str] = Counter()
    for home in homes_of(run_id, homes):
        for _, outcomes in _outcomes(home, "", _LAST):
            words.update(_words(outcomes))
    return words


def count_variants(run_id: str, variants: Sequence[str], *, homes: int = 1) -> dict[str, Counter[str]]:
    """The same of the letters of each variant, in their order: their chunks come first in a home. Raises:
    UnavailableError (retryable)."""
    counts = {one: Counter[str]() for one in variants}
    for home in homes_of(run_id, homes):
        for key, outcomes in _outcomes(home, variants[0], variants[-1] + _LAST):
            counts[key.chunk[0]] += _words(outcomes)
    return counts


def letters_of_run(
    run_id: str,
    channels: Sequence[str],
    wanted: Callable[[Status], bool],
    *,
    limit: int,
    after: RunPlace,
    homes: int = 1,
    did: Engagement | None = None,
) -> tuple[list[RunLetter], RunPlace | None]:
    """The next deliveries in states that are wanted, of readers who `did` that if it is given, always in the same
    order, and where to continue (None: there are no more). A page looks at about MOST_CHUNKS: it may be short, even
    empty, and have a next. Raises: UnavailableError (retryable)."""
    found: list[RunLetter] = []
    names = homes_of(run_id, homes)
    looked_at = 0
    while after.home < homes and looked_at < MOST_CHUNKS and len(found) < limit:
        home = names[after.home]
        chunks, following = _rosters(home, after.chunk, _rows(limit, found=len(found), looked_at=looked_at))
        for (chunk, _), letters in zip(chunks, _letters(home, chunks, channels), strict=True):
            first = after.number if chunk == after.chunk else 0
            for number, letter in enumerate(letters[first:], first):
                if len(found) == limit:
                    return found, RunPlace(after.home, chunk, number)
                if letter and did in (None, *letter.first) and wanted((letter.status, letter.reason)):
                    found.append(letter)
        looked_at += len(chunks)
        after = RunPlace(after.home + 1) if following is None else RunPlace(after.home, following)
    return found, after if after.home < homes else None


def _words(outcomes: Outcomes) -> Counter[str]:
    words = Counter({name.value: times for name, times in outcomes.engagements().items() if name in ENGAGEMENTS})
    for state, places in outcomes.places().items():
        if word := counted_as(*state):
            words[word] += places.bit_count()
    return words


def _rows(limit: int, *, found: int, looked_at: int) -> int:
    """How many chunks most likely hold what is missing, by those that were looked at: what is read beyond is read once
    more for the next page."""
    in_chunk = max(found / looked_at, 1 / _MOST_ROWS) if looked_at else _LETTERS
    return min(math.ceil((limit - found) / in_chunk), _MOST_ROWS)


def _letters(home: str, chunks: Sequence[_Chunk], channels: Sequence[str]) -> Iterator[list[RunLetter | None]]:
    """The deliveries of each chunk, by channel and place; None: the letter is in another chunk."""
    if not chunks:
        return
    outcomes = dict(_outcomes(home, chunks[0][0], chunks[-1][0] + _LAST))
    states = {
        (chunk, channel): _by_place(found) if (found := outcomes.get(OutcomesKey(home, chunk, channel))) else {}
        for chunk, _ in chunks
        for channel in channels
    }
    # Of a chunk that was cut again each letter stays where it came first, and only its own row tells where.
    open_ones = {
        one for chunk, ids in chunks for n, one in enumerate(ids) for c in channels if n not in states[chunk, c]
    }
    spots = spots_of(open_ones)
    for chunk, ids in chunks:
        yield [
            RunLetter(DeliveryKey(one, channel, spot), *states[chunk, channel].get(place, (None, None, {})))
            if place in states[chunk, channel] or spots.get(one) == spot
            else None
            for channel in channels
            for place, one in enumerate(ids)
            for spot in [Spot(home, chunk, place).text]
        ]


def _by_place(outcomes: Outcomes) -> dict[int, tuple[DeliveryStatus | None, str | None, Mapping[Engagement, int]]]:
    seen = seen_by_place(outcomes.numbers)
    return {
        n: (*state, seen[n].first if n in seen else {})
        for state, places in outcomes.places().items()
        for n in range(PLACES)
        if places >> n & 1
    }


def _outcomes(home: str, first: str, last: str) -> Iterator[tuple[OutcomesKey, Outcomes]]:
    def read(item: dict[str, Any]) -> tuple[OutcomesKey, Outcomes]:
        return OutcomesKey.of(home, item["part"]["S"]), stored_of(item).outcomes

    for items, _ in pages_of_home(home, OUTCOMES_PREFIX + first, OUTCOMES_PREFIX + last):
        yield from each(read, items, alone=lambda item, error: log_failure("outcomes", error, part=item["part"]["S"]))


def _rosters(home: str, first: str, rows: int) -> tuple[list[_Chunk], str | None]:
    """Some chunks from one on, and which one follows (None: none does)."""

    def read(item: dict[str, Any]) -> _Chunk:
        return item["part"]["S"].removeprefix(ROSTER_PREFIX), roster_of(item)

    items, more = next(pages_of_home(home, ROSTER_PREFIX + first, ROSTER_PREFIX + _LAST, rows=rows))
    found = each(read, items, alone=lambda item, error: log_failure("roster", error, part=item["part"]["S"]))
    return found, f"{more.removeprefix(ROSTER_PREFIX)} " if more else None  # nothing is between it and the next


def pages_of_home(
    home: str, first: str, last: str, *, rows: int | None = None
) -> Iterator[tuple[list[dict[str, Any]], str | None]]:
    """The rows of a range of parts, page by page, and the last part of the page if there are more."""
    values = {":home": {"S": home}, ":first": {"S": first}, ":last": {"S": last}}
    query: dict[str, Any] = {
        "TableName": LedgerRow._get_connection().table_name,
        "KeyConditionExpression": "notification_id = :home AND part BETWEEN :first AND :last",
        "ExpressionAttributeValues": values,
        **({"Limit": rows} if rows else {}),
    }
    while True:
        with reaching_dynamodb():
            answer = dynamodb().dispatch("Query", query)
        more = answer.get("LastEvaluatedKey")
        yield answer["Items"], more["part"]["S"] if more else None
        if not more:
            return
        query["ExclusiveStartKey"] = more
