"""What is heard of a delivery after it was sent, as marks on the outcomes of its chunk (`outcomes.py`; ADR 0097).

A mark is a name and a number: the moment, in tenths of a second since 2026 began, and the letter's place in its chunk.
Nothing has to be read to make one, making it again changes nothing, and the same marks mean the same whichever came
first.
"""

import re
from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.clock import BEGAN, rfc3339
from chalicelib.deliveries import PLACES, VERDICTS, DeliveryKey, DeliveryStatus, S, Status
from chalicelib.states import BY_MACHINE, Engagement

_TENTH = timedelta(milliseconds=100)

TAKEN = "t"  # the provider has taken it
DELIVERED, UNTIMED = "d", "du"  # and delivered it: at a moment, or it does not say when
# What providers say, the better informed the later (`deliveries.VERDICTS`), and the marks that say it.
RANKED: tuple[tuple[Status, tuple[str, ...]], ...] = (
    ((S.SENT, None), (TAKEN,)),
    *zip(
        VERDICTS,
        (("fr",), ("fj",), ("br",), (DELIVERED, UNTIMED), ("bs",), ("bc",), ("bw",), ("bh",), ("x",)),
        strict=True,
    ),
)
_SAID = dict(RANKED)
_ENGAGEMENTS: Mapping[Engagement, str] = {
    Engagement.OPENED: "o",
    Engagement.CLICKED: "c",
    Engagement.MACHINE_OPENED: "mo",
    Engagement.MACHINE_CLICKED: "mc",
    Engagement.DELAYED: "y",
    Engagement.UNSUBSCRIBED: "u",
}
ENGAGED: Mapping[str, Engagement] = {mark: name for name, mark in _ENGAGEMENTS.items()}
# Which link of the letter was followed: the mark of who did, and the link's code.
ON_LINK: Mapping[Engagement, str] = {Engagement.CLICKED: "L", Engagement.MACHINE_CLICKED: "M"}
LINK_MARK = re.compile("[LM][a-z2-7]{16}")
MARKS = frozenset({*(mark for _, marks in RANKED for mark in marks), *ENGAGED})
Numbers = Mapping[str, Collection[int]]  # by mark
_MOST_UNJUDGED = 20  # openings of a letter whose delivery is never told, as on most channels


class Heard(NamedTuple):
    """Something that was heard of a delivery: one of MARKS, or a LINK_MARK, and when it happened."""

    key: DeliveryKey
    mark: str
    at: datetime
    provider_id: str | None = None

    def number(self, place: int) -> int:
        """As it is stored for the letter at a place."""
        return mark_number(self.at, place)


def mark_number(at: datetime, place: int) -> int:
    """A moment and a place as one number."""
    return (at - BEGAN) // _TENTH * PLACES + place


def told(key: DeliveryKey, status: DeliveryStatus, reason: str | None, at: datetime | None, *, now: datetime) -> Heard:
    """What a provider tells about a letter, and when it happened, if known. Raises: LookupError (permanent): no
    provider says so."""
    timed, *untimed = _SAID[status, reason]
    return Heard(key, untimed[0] if untimed and at is None else timed, at or now)


def engaged(key: DeliveryKey, what: Engagement, at: datetime) -> Heard:
    """What a reader or a program did with a letter."""
    return Heard(key, _ENGAGEMENTS[what], at)


def followed(key: DeliveryKey, what: Engagement, link: str, at: datetime) -> Heard:
    """Which link of a letter a reader or a program has followed, by its code."""
    return Heard(key, f"{ON_LINK[what]}{link}", at)


def moment_of(number: int) -> str:
    """When a mark says that it happened."""
    return rfc3339(BEGAN + number // PLACES * _TENTH)


class Readings:
    """What readers and programs did with one letter. Before a letter is delivered only a scanner on the way can open
    it, whatever browser it claims to be (ADR 0047)."""

    def __init__(self, numbers: Mapping[Engagement, list[int]], delivered: int | None) -> None:
        self._numbers = numbers
        self._delivered = delivered

    @property
    def first(self) -> dict[Engagement, int]:
        """The first time of each, as judged by the delivery, as a mark's number."""
        found: dict[Engagement, list[int]] = {}
        for name, numbers in self._numbers.items():
            for number in numbers:
                found.setdefault(self._judged(name, number), []).append(number)
        return {name: min(numbers) for name, numbers in found.items()}

    def has(self, name: Engagement, number: int) -> bool:
        """Whether one more time changes nothing."""
        if name in BY_MACHINE and self._delivered is None:
            known = self._numbers.get(name, [])
            return bool(known) and min(known) <= number and (number <= max(known) or len(known) >= _MOST_UNJUDGED)
        return self.first.get(self._judged(name, number), number + 1) <= number

    def _judged(self, name: Engagement, number: int) -> Engagement:
        if name in BY_MACHINE and self._delivered is not None and number < self._delivered:
            return BY_MACHINE[name]
        return name


def seen_by_place(numbers: Numbers) -> dict[int, Readings]:
    """Of each letter with which anything was done."""
    found: dict[int, dict[Engagement, list[int]]] = {}
    for mark, name in ENGAGED.items():
        for number in numbers.get(mark, ()):
            found.setdefault(number % PLACES, {}).setdefault(name, []).append(number)
    delivered: dict[int, int] = {}
    for number in sorted(numbers.get(DELIVERED, ()), reverse=True) if found else ():
        delivered[number % PLACES] = number
    return {place: Readings(some, delivered.get(place)) for place, some in found.items()}
