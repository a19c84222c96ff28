"""Compares the lines of the audit with each other and with the log of their writers, and describes what
does not agree."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

from chalicelib.storage.audit import digest_of

Item: TypeAlias = Mapping[str, Any]  # a line as DynamoDB has it
Spot: TypeAlias = tuple[str, int]  # a chain and a number in it

GONE = "lines that the log knows are gone"
REWRITTEN = "lines are not those that the log knows"
CHANGED = "lines do not hold what their own digest says"
TWICE = "numbers of a chain stand twice"
UNLINKED = "lines do not follow the line before them"
STRANGE = "lines are not known to the log: they came by another way than through the service, or in its last moment"
BARE = "lines have no chain: they came by another way than through the service"
OLDER = "lines have no chain and may be older than it: nobody can say who wrote them"
CONTRADICTED = "lines are in the log with two digests"


class Told(NamedTuple):
    """What the log says about one line, `at` which time; `sure` if the table had confirmed it."""

    chain: str
    number: int
    digest: str
    sure: bool
    at: str

    @property
    def spot(self) -> Spot:
        """Which line it is."""
        return self.chain, self.number


class Span(NamedTuple):
    """Times as `rfc3339` writes them: from when the log was read, up to when its lines must have arrived, the present
    (no honest line is later), and from when every line has a chain."""

    since: str
    until: str
    present: str
    chained: str

    def judges(self, item: Item) -> bool:
        """Whether the log must know this line. Both of its times may be lies."""
        return _latest(item) >= self.since and not self.until < _latest(item) <= self.present

    def chains(self, item: Item) -> bool:
        """Whether the line must have a chain, by either of its times."""
        return _latest(item) >= self.chained


def disagreements(items: Sequence[Item], told: Iterable[Told], span: Span) -> dict[str, list[str]]:
    """The lines of each kind of mistake; `items` begin some minutes before the span."""
    found: dict[str, list[str]] = defaultdict(list)
    chained: dict[Spot, Item] = {}
    for item in items:
        spot = spot_of(item)
        if spot is None:
            found[BARE if span.chains(item) else OLDER].append(name_of(item))
        elif spot in chained:
            found[TWICE].append(name_of(item))
        else:
            chained[spot] = item
    known = _known(told, found)
    for spot, item in chained.items():
        for wrong in _of_line(spot, item, chained, known, span):
            found[wrong].append(name_of(item))
    for spot, one in known.items():
        if one.sure and spot not in chained:
            found[GONE].append(f"{spot[0]} {spot[1]}")
    return dict(found)


def _known(told: Iterable[Told], found: dict[str, list[str]]) -> dict[Spot, Told]:
    known: dict[Spot, Told] = {}
    for one in told:
        before = known.get(one.spot)
        if before is not None and before.digest != one.digest:
            found[CONTRADICTED].append(f"{one.chain} {one.number}")
        if before is None or one.sure:
            known[one.spot] = one
    return known


def _of_line(
    spot: Spot, item: Item, chained: Mapping[Spot, Item], known: Mapping[Spot, Told], span: Span
) -> Iterator[str]:
    chain, number = spot
    digest = digest_of(item)
    if _text(item, "digest") != digest:
        yield CHANGED
    told = known.get(spot)
    if told is not None and told.digest != digest:
        yield REWRITTEN
    before = chained.get((chain, number - 1))
    if _text(item, "before") != (_text(before, "digest") if before else _first(spot, item, chained)):
        yield UNLINKED
    after = chained.get((chain, number + 1))
    vouched = after is not None and (chain, number + 1) in known and _text(after, "before") == digest
    if told is None and not vouched and span.judges(item):
        yield STRANGE


def _first(spot: Spot, item: Item, chained: Mapping[Spot, Item]) -> str | None:
    """What the first line read of a chain says about the line before it: anything, if that one may be older."""
    chain, number = spot
    older = any(one == chain and n < number for one, n in chained)
    return None if number == 1 or older else _text(item, "before")


def spot_of(item: Item) -> Spot | None:
    """The line's place in its chain; None if it has none."""
    chain, number = _text(item, "chain"), item.get("number", {}).get("N")
    return (chain, int(number)) if chain and number and number.isdecimal() else None


def _latest(item: Item) -> str:
    return max(str(_text(item, "at")), name_of(item))


def _text(item: Item, name: str) -> str | None:
    text = item.get(name, {}).get("S")
    return None if text is None else str(text)


def name_of(item: Item) -> str:
    """A line by its key: time, chain and number."""
    return str(_text(item, "place"))
