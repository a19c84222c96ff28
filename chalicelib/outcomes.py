"""What became of the letters of one chunk on one channel: steps, which workers take one after the other, and marks of
what was heard of the letters (`marks.py`), which come at any time and in any order (ADR 0097).

A letter's place in its chunk is a bit, so that a step names all its letters by one number.
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple

from chalicelib.deliveries import ACCEPTED, ANY_KEY, PLACES, DeliveryStatus, Move, S, Status, may_follow
from chalicelib.marks import (
    ENGAGED,
    RANKED,
    TAKEN,
    Heard,
    Numbers,
    Readings,
    moment_of,
    seen_by_place,
)
from chalicelib.states import Engagement
from chalicelib.steps import Standing, Step, step_of

MAX_ENTRIES = 60  # of one letter's timeline; with eight attempts it has about twenty


class Refusal(NamedTuple):
    """Why a move was not made: the state that was found instead (None: there was no delivery)."""

    status: DeliveryStatus | None


class Outcomes:
    """The outcomes of a chunk on one channel. Only `take` changes them; marks are written past them."""

    def __init__(self, steps: Iterable[Step] = (), numbers: Numbers | None = None) -> None:
        self._steps = list(steps)
        self.numbers: Numbers = numbers or {}
        self._void = {one for step in self._steps for one in step.void}

    @classmethod
    def of(cls, text: str, numbers: Numbers) -> "Outcomes":
        """As they are stored. Raises: ValueError, TypeError: they cannot be read."""
        return cls(map(Step.of, json.loads(text)), numbers)

    def copy(self) -> "Outcomes":
        """To be changed."""
        return Outcomes(self._steps, self.numbers)

    def text(self) -> str:
        """The steps, to be stored."""
        plain = [step.plain() for step in self._steps if step.places]
        return json.dumps(plain, ensure_ascii=False, separators=(",", ":"))

    def standing(self, place: int) -> Standing:
        """The delivery at a place."""
        steps = [step for step in self._steps if step.places >> place & 1]
        taken: Status = (steps[-1].status, steps[-1].reason) if steps else (None, None)
        status = taken
        for said, marks in RANKED if self.numbers else ():
            if any(self._counting(mark, place) for mark in marks) and may_follow(said, status):
                status = said
        return Standing(*status, taken, steps)

    def take(self, place: int, move: Move, at: datetime) -> Refusal | None:
        """Makes a move if the state allows it. One already made by the same owner counts as made (a lost reply)."""
        now = self.standing(place)
        if move.owner is not None and (now.owner, now.before(move)[0]) == (move.owner, move.status):
            return None
        if not now.allows(move):
            return Refusal(now.status)
        verdicts = [mark for _, marks in RANKED for mark in marks] if move.by_hand else ()
        void = {f"{mark}{number}" for mark in verdicts for number in self._counting(mark, place)}
        self._void |= set(void)
        self._add(place, now, step_of(move._replace(key=ANY_KEY), at)._replace(void=tuple(sorted(void))))
        return None

    def has(self, place: int, heard: Heard) -> bool:
        """Whether what was heard of the delivery at a place changes nothing any more."""
        name, number = ENGAGED.get(heard.mark), heard.number(place)
        if name is not None:
            return self.seen(place).has(name, number)
        if heard.mark == TAKEN and self.standing(place).status in ACCEPTED:
            return True
        known = self._counting(heard.mark, place)
        return f"{heard.mark}{number}" in self._void or (bool(known) and min(known) <= number)

    def places(self) -> dict[Status, int]:
        """The places in each state, as bits."""
        found: dict[Status, int] = {}
        for step in self._steps:
            for state in found:
                found[state] &= ~step.places
            found[step.status, step.reason] = found.get((step.status, step.reason), 0) | step.places
        for said, marks in RANKED:
            marked = _bits(number for mark in marks for number in self._all_counting(mark))
            for state in [one for one in found if marked & found[one] and may_follow(said, one)]:
                moved, found[state] = found[state] & marked, found[state] & ~marked
                found[said] = found.get(said, 0) | moved
        return {state: places for state, places in found.items() if places}

    def sent_at(self) -> Iterator[tuple[str, int]]:
        """When the provider took some of the places, as bits."""
        return ((step.at, step.places) for step in self._steps if step.status is S.SENT)

    def engagements(self) -> Counter[Engagement]:
        """How many letters were opened, clicked and so on."""
        known = 0
        for step in self._steps:
            known |= step.places
        seen = seen_by_place(self.numbers)
        return Counter(name for place, one in seen.items() if known >> place & 1 for name in one.first)

    def seen(self, place: int) -> Readings:
        """What was done with the letter at a place."""
        return seen_by_place(self.numbers).get(place) or Readings({}, None)

    def timeline(self, place: int) -> list[Mapping[str, Any]]:
        """What happened to the delivery at a place, oldest first."""
        entries: list[Mapping[str, Any]] = [step.told() for step in self.standing(place).steps]
        told = [
            (number, n) for n, (_, marks) in enumerate(RANKED) for mark in marks for number in self._of(mark, place)
        ]
        for number, n in sorted(told):
            (status, reason), at = RANKED[n][0], moment_of(number)
            where = _behind(entries, at)
            if may_follow((status, reason), _last_state(entries[:where])):
                said = {"at": at, "status": str(status), "reason": reason}
                entries.insert(where, {name: value for name, value in said.items() if value is not None})
        for name, number in sorted(self.seen(place).first.items(), key=lambda one: one[1]):
            at = moment_of(number)
            entries.insert(_behind(entries, at), {"at": at, "event": name.value})
        return entries

    def _of(self, mark: str, place: int) -> Iterator[int]:
        return (number for number in self.numbers.get(mark, ()) if number % PLACES == place)

    def _counting(self, mark: str, place: int) -> list[int]:
        return [number for number in self._of(mark, place) if f"{mark}{number}" not in self._void]

    def _all_counting(self, mark: str) -> Iterator[int]:
        numbers = self.numbers.get(mark, ())
        return (number for number in numbers if not self._void or f"{mark}{number}" not in self._void)

    def _add(self, place: int, now: Standing, step: Step) -> None:
        bit, last = 1 << place, now.steps[-1] if now.steps else None
        waits_on = step.status is S.WAITING and step.reason is not None and now.taken == (S.WAITING, step.reason)
        if last is not None and (waits_on or len(now.steps) >= MAX_ENTRIES):
            self._steps[self._steps.index(last)] = last._replace(places=last.places & ~bit)
            step = step.in_place_of(last)
        behind = max((n for n, one in enumerate(self._steps) if one.places & bit), default=-1) + 1
        for n in range(behind, len(self._steps)):
            if self._steps[n]._replace(places=0) == step:
                self._steps[n] = step._replace(places=self._steps[n].places | bit)
                return
        self._steps.append(step._replace(places=bit))


def _bits(numbers: Iterable[int]) -> int:
    found = 0
    for number in numbers:
        found |= 1 << number % PLACES
    return found


def _behind(entries: Sequence[Mapping[str, Any]], at: str) -> int:
    """Where something that was heard of stands: behind all that happened before it, and behind its call."""
    called = next((n for n, entry in enumerate(entries) if entry.get("status") == S.CALLING.value), -1)
    where = max([called, *(n for n, entry in enumerate(entries) if entry["at"] <= at)]) + 1
    answered = where < len(entries) and entries[where].get("status") == S.SENT.value
    return where + 1 if answered else where


def _last_state(entries: Sequence[Mapping[str, Any]]) -> Status:
    said = next((entry for entry in reversed(entries) if "status" in entry), None)
    return (DeliveryStatus(said["status"]), said.get("reason")) if said else (None, None)
