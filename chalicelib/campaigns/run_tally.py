"""What a run led to, summed up chunk by chunk from the ledger: clicks by link, results by provider and by hour, who
unsubscribed and who complained.

Adding the same chunks in the same order makes the same tally, which is JSON between two of them: whoever counts may
stop anywhere and go on.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.clock import BEGAN, parse_rfc3339
from chalicelib.deliveries import ACCEPTED, PLACES, DeliveryStatus, S, Status
from chalicelib.mailbox_providers import OTHER, PROVIDERS
from chalicelib.marks import DELIVERED, ON_LINK, Numbers, Readings, seen_by_place
from chalicelib.outcomes import Outcomes
from chalicelib.states import Engagement
from chalicelib.storage.run_chunks import RunChunk
from chalicelib.storage.run_outcomes import ENGAGEMENTS, counted_as

MOST_LINKS, MOST_READERS, MOST_HOURS = 500, 100, 168
ACTS = ("unsubscribed", "complained")
HOURLY = ("sent", "opened", "clicked")
BY_PROVIDER = ("sent", "delivered", "bounced", "complained", "opened", "clicked")
_TENTHS_AN_HOUR = 36_000
_COMPLAINT = "x"


class NotedReader(NamedTuple):
    """Whose letter was answered so: the moment as a mark's number, and where the letter is."""

    number: int
    home: str
    chunk: str
    channel: str
    place: int


class RunTally:
    """Counts are letters; `links` are people and machines by the link's code."""

    def __init__(self, began: str, kept: Mapping[str, Any] | None = None) -> None:
        kept = kept or {}
        self._began = began
        self._start = max(0, int((parse_rfc3339(began) - BEGAN).total_seconds() * 10))
        self.words: Counter[str] = Counter(kept.get("words", {}))
        self.links: dict[str, list[int]] = {code: list(some) for code, some in kept.get("links", {}).items()}
        self.providers: dict[str, Counter[str]] = {
            name: Counter(some) for name, some in kept.get("providers", {}).items()
        }
        self.hours: dict[int, Counter[str]] = {int(n): Counter(some) for n, some in kept.get("hours", {}).items()}
        self.readers: dict[str, list[NotedReader]] = {
            act: [NotedReader(*one) for one in kept.get("readers", {}).get(act, ())] for act in ACTS
        }

    def plain(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "words": dict(self.words),
            "links": self.links,
            "providers": {name: dict(some) for name, some in self.providers.items()},
            "hours": {str(n): dict(some) for n, some in sorted(self.hours.items())},
            "readers": {act: [list(one) for one in some] for act, some in self.readers.items()},
        }

    def add(self, chunk: RunChunk) -> None:
        """One more."""
        outcomes, states = chunk.outcomes, chunk.outcomes.places()
        seen = seen_by_place(outcomes.numbers)
        for state, places in states.items():
            if word := counted_as(*state):
                self.words[word] += places.bit_count()
        known = _any(states.values())
        done = dict.fromkeys(Engagement, 0)
        for place, one in seen.items():
            for name in one.first if known >> place & 1 else ():
                done[name] |= 1 << place
        self.words.update({name.value: done[name].bit_count() for name in ENGAGEMENTS if done[name]})
        self._add_providers(chunk, _by_status(states), done)
        self._add_hours(outcomes, seen, known)
        self._add_links(chunk, known)
        self._add_readers(chunk, seen, known, _by_status(states).get(S.COMPLAINED, 0))

    def _add_providers(
        self, chunk: RunChunk, status: Mapping[DeliveryStatus, int], done: Mapping[Engagement, int]
    ) -> None:
        if chunk.key.channel != "email":
            return
        sent = _any(places for one, places in status.items() if one in ACCEPTED)
        complained = status.get(S.COMPLAINED, 0)
        places = {
            "sent": sent,
            "delivered": status.get(S.DELIVERED, 0) | complained,
            "bounced": status.get(S.BOUNCED, 0),
            "complained": complained,
            "opened": done[Engagement.OPENED],
            "clicked": done[Engagement.CLICKED],
        }
        of_provider: dict[int, int] = {}
        for number in chunk.sent_to:
            of_provider[number // PLACES] = of_provider.get(number // PLACES, 0) | 1 << number % PLACES
        left = sent & ~_any(of_provider.values())  # sent by the last release
        for number, mask in {**of_provider, **({-1: left} if left else {})}.items():
            name = PROVIDERS[number] if 0 <= number < len(PROVIDERS) else OTHER
            counts = {word: (some & mask).bit_count() for word, some in places.items() if some & mask}
            self.providers.setdefault(name, Counter()).update(counts)

    def _add_hours(self, outcomes: Outcomes, seen: Mapping[int, Readings], known: int) -> None:
        for at, places in outcomes.sent_at():
            hour = int((parse_rfc3339(at) - parse_rfc3339(self._began)).total_seconds() // 3600)
            self._at(hour)["sent"] += places.bit_count()
        for place, one in seen.items():
            for name, number in one.first.items() if known >> place & 1 else ():
                if name in (Engagement.OPENED, Engagement.CLICKED):
                    self._at((number // PLACES - self._start) // _TENTHS_AN_HOUR)[name.value] += 1

    def _at(self, hour: int) -> Counter[str]:
        return self.hours.setdefault(min(max(hour, 0), MOST_HOURS), Counter())

    def _add_links(self, chunk: RunChunk, known: int) -> None:
        delivered = _first(chunk.outcomes.numbers, DELIVERED)
        people: dict[str, set[int]] = {}
        machines: dict[str, set[int]] = {}
        for mark in chunk.clicks:
            for place, number in _first(chunk.clicks, mark).items():
                # As `marks.Readings` judges: what comes before the delivery is a scanner's.
                by_person = mark[0] == ON_LINK[Engagement.CLICKED] and number >= delivered.get(place, number)
                if known >> place & 1:
                    (people if by_person else machines).setdefault(mark[1:], set()).add(place)
        for code in {*people, *machines}:
            if code in self.links or len(self.links) < MOST_LINKS:
                counts = self.links.setdefault(code, [0, 0])
                counts[0] += len(people.get(code, ()))
                counts[1] += len(machines.get(code, ()))

    def _add_readers(self, chunk: RunChunk, seen: Mapping[int, Readings], known: int, complained: int) -> None:
        key, moments = chunk.key, _first(chunk.outcomes.numbers, _COMPLAINT)
        for place in _places(complained):
            self._note("complained", NotedReader(moments.get(place, 0), key.home, key.chunk, key.channel, place))
        for place, one in seen.items():
            number = one.first.get(Engagement.UNSUBSCRIBED)
            if number is not None and known >> place & 1:
                self._note("unsubscribed", NotedReader(number, key.home, key.chunk, key.channel, place))

    def _note(self, act: str, reader: NotedReader) -> None:
        self.readers[act] = sorted([*self.readers[act], reader], reverse=True)[:MOST_READERS]


def _by_status(states: Mapping[Status, int]) -> dict[DeliveryStatus, int]:
    found: dict[DeliveryStatus, int] = {}
    for (status, _), places in states.items():
        if status is not None:
            found[status] = found.get(status, 0) | places
    return found


def _first(numbers: Numbers, mark: str) -> dict[int, int]:
    found: dict[int, int] = {}
    for number in sorted(numbers.get(mark, ()), reverse=True):
        found[number % PLACES] = number
    return found


def _any(masks: Iterable[int]) -> int:
    found = 0
    for one in masks:
        found |= one
    return found


def _places(mask: int) -> Iterator[int]:
    return (n for n in range(PLACES) if mask >> n & 1)
