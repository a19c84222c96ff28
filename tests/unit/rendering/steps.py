"""Counts the steps that a backtracking matcher takes over a text, as Python's `re` would, on the pattern's own tree."""

import re
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from re import _constants as sre
from re import _parser as parser
from typing import Any

_CATEGORIES: Mapping[Any, Callable[[str], bool]] = {
    sre.CATEGORY_DIGIT: str.isdigit,
    sre.CATEGORY_SPACE: str.isspace,
    sre.CATEGORY_WORD: lambda one: one.isalnum() or one == "_",
    sre.CATEGORY_NOT_DIGIT: lambda one: not one.isdigit(),
    sre.CATEGORY_NOT_SPACE: lambda one: not one.isspace(),
    sre.CATEGORY_NOT_WORD: lambda one: not (one.isalnum() or one == "_"),
}
_WIDTH_ONE = {sre.LITERAL, sre.NOT_LITERAL, sre.ANY, sre.IN}


class Matcher:
    """One pattern over one text; `steps` grows. `re` has shortcuts that this has not: it never takes fewer steps."""

    def __init__(self, pattern: re.Pattern[str], text: str) -> None:
        self._tree = list(parser.parse(pattern.pattern, pattern.flags))
        self._fold = bool(pattern.flags & re.IGNORECASE)
        self._names = pattern.groupindex
        self._text = text.lower() if self._fold else text
        self._groups: dict[int, tuple[int, int]] = {}
        self.steps = 0

    def scan(self, until: frozenset[str]) -> int:
        """The steps of `finditer` over the whole text, or to the first match of a group that ends the work."""
        at = 0
        while at <= len(self._text):
            self._groups.clear()
            end = next(self._ends(self._tree, 0, at), None)
            if end is not None and any(self._names[name] in self._groups for name in until if name in self._names):
                break
            at = end if end is not None and end > at else at + 1
        return self.steps

    def ends_at(self, at: int) -> Iterator[int]:
        """Where matches that begin there end, the one that `re` takes first."""
        yield from self._ends(self._tree, 0, at)

    def _ends(self, ops: list[Any], index: int, at: int) -> Iterator[int]:
        if index == len(ops):
            yield at
            return
        for middle in self._one(ops[index], at):
            yield from self._ends(ops, index + 1, middle)

    def _one(self, op: Any, at: int) -> Iterator[int]:
        self.steps += 1
        kind, given = op
        if kind in _WIDTH_ONE:
            if at < len(self._text) and self._is(op, self._text[at]):
                yield at + 1
        elif kind in (sre.MAX_REPEAT, sre.MIN_REPEAT):
            yield from self._repeat(given, at, lazy=kind is sre.MIN_REPEAT)
        elif kind is sre.POSSESSIVE_REPEAT:
            yield from self._possessive(given, at)
        else:
            yield from self._composed(kind, given, at)

    def _composed(self, kind: Any, given: Any, at: int) -> Iterator[int]:
        if kind is sre.SUBPATTERN:
            for end in self._ends(list(given[3]), 0, at):
                if given[0] is not None:
                    self._groups[given[0]] = (at, end)
                yield end
        elif kind is sre.BRANCH:
            for way in given[1]:
                yield from self._ends(list(way), 0, at)
        elif kind is sre.ATOMIC_GROUP:
            yield from islice(self._ends(list(given), 0, at), 1)
        elif kind in (sre.ASSERT, sre.ASSERT_NOT):
            if self._holds(given, at) == (kind is sre.ASSERT):
                yield at
        elif kind is sre.GROUPREF:
            start, end = self._groups[given]
            if self._text.startswith(self._text[start:end], at):
                yield at + end - start
        elif kind is sre.AT:
            if self._is_at(given, at):
                yield at
        else:
            raise NotImplementedError(kind)

    def _repeat(self, given: Any, at: int, *, lazy: bool) -> Iterator[int]:
        least, most, sub = given
        if len(sub) == 1 and sub[0][0] in _WIDTH_ONE:
            counts = range(least, min(int(most), len(self._text) - at) + 1)
            yield from self._run(sub[0], at, counts, lazy=lazy)
        else:
            yield from self._again(list(sub), least, int(most), at, lazy=lazy)

    def _run(self, op: Any, at: int, counts: range, *, lazy: bool) -> Iterator[int]:
        """Of single characters: `re` goes forth and back over them without calling itself."""
        reached = 0
        while reached < counts.start or (not lazy and reached < counts.stop - 1):
            self.steps += 1
            if at + reached >= len(self._text) or not self._is(op, self._text[at + reached]):
                break
            reached += 1
        while reached >= counts.start:
            self.steps += 1
            yield at + reached
            if not lazy:
                reached -= 1
            elif reached + 1 < counts.stop and self._is(op, self._text[at + reached]):
                reached += 1
            else:
                return

    def _again(self, sub: list[Any], least: int, most: int, at: int, *, lazy: bool) -> Iterator[int]:
        if lazy and least <= 0:
            yield at
        if most > 0:
            for end in self._ends(sub, 0, at):
                if end > at or least > 0:
                    yield from self._again(sub, least - 1, most - 1, end, lazy=lazy)
        if not lazy and least <= 0:
            yield at

    def _possessive(self, given: Any, at: int) -> Iterator[int]:
        (least, most, sub), count = given, 0
        while count < int(most):
            end = next(self._ends(list(sub), 0, at), None)
            if end is None or end == at:
                break
            at, count = end, count + 1
        if count >= least:
            yield at

    def _holds(self, given: Any, at: int) -> bool:
        direction, sub = given
        starts = [at] if direction > 0 else range(at, max(at - 8, -1), -1)  # what looks back here is that short
        ends = (end for start in starts for end in self._ends(list(sub), 0, start))
        return any(direction > 0 or end == at for end in ends)

    def _is_at(self, place: Any, at: int) -> bool:
        if place in (sre.AT_BEGINNING, sre.AT_BEGINNING_STRING):
            return at == 0
        if place in (sre.AT_END, sre.AT_END_STRING):
            return at == len(self._text)
        sides = self._text[at - 1 : at] if at else "", self._text[at : at + 1]
        border = len({bool(side) and _CATEGORIES[sre.CATEGORY_WORD](side) for side in sides}) == 2
        return border == (place is sre.AT_BOUNDARY)

    def _is(self, op: Any, one: str) -> bool:
        kind, given = op
        if kind is sre.ANY:
            return True  # every pattern with a point here has DOTALL
        if kind in (sre.LITERAL, sre.NOT_LITERAL):
            same = one in (chr(given), chr(given).lower()) if self._fold else ord(one) == given
            return same == (kind is sre.LITERAL)
        negated = given[0][0] is sre.NEGATE
        return any(self._is_in(member, one) for member in given[negated:]) != negated

    def _is_in(self, member: Any, one: str) -> bool:
        kind, given = member
        if kind is sre.RANGE:
            cases = {one, one.upper()} if self._fold else {one}
            return any(given[0] <= ord(each) <= given[1] for each in cases if len(each) == 1)
        if kind is sre.CATEGORY:
            return bool(_CATEGORIES[given](one))
        return self._is(member, one)
