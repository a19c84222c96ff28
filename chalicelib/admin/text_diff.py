"""A diff of two texts with a bounded amount of work.

A diff may take up to the cube of the length: two texts of a thousand full stops, with different words between them,
would occupy a function for minutes.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import Match, SequenceMatcher

MOST_STEPS = 5_000_000  # for all comparisons of a page: half a second
CONTEXT = 2  # lines shown around a difference

Opcode = tuple[str, int, int, int, int]


class Comparison:
    """Of one page. Whatever exceeds its steps is reported as different."""

    def __init__(self, steps: int | None = None) -> None:
        self._steps = MOST_STEPS if steps is None else steps

    def afford(self, steps: int) -> bool:
        """Takes this many steps; whether they were left."""
        self._steps -= steps
        return self._steps >= 0

    def opcodes(self, one: Sequence[str], other: Sequence[str]) -> Sequence[Opcode]:
        """As difflib's: what is equal, and what replaces what."""
        return _Matcher(one, other, self).get_opcodes()

    def unified(self, was: Sequence[str], now: Sequence[str]) -> Iterator[str]:
        for group in _Matcher(was, now, self).get_grouped_opcodes(CONTEXT):
            (_, a, _, c, _), (_, _, b, _, d) = group[0], group[-1]
            yield f"@@ -{a + 1},{b - a} +{c + 1},{d - c} @@"
            for kind, *(i, j, k, m) in group:
                if kind == "equal":
                    yield from (f" {line}" for line in was[i:j])
                else:
                    yield from (f"-{line}" for line in was[i:j])
                    yield from (f"+{line}" for line in now[k:m])


class _Matcher(SequenceMatcher[str]):
    def __init__(self, one: Sequence[str], other: Sequence[str], comparison: Comparison) -> None:
        super().__init__(None, one, other, autojunk=False)
        self._one, self._other = one, other
        self._met = Counter(other)
        self._comparison = comparison

    def find_longest_match(self, alo: int = 0, ahi: int | None = None, blo: int = 0, bhi: int | None = None) -> Match:
        """What both begin with, otherwise what both end with: it costs no search, and usually leaves little to find."""
        one, other = self._one[alo:ahi], self._other[blo:bhi]
        if same := _run(one, other):
            return Match(alo, blo, same)
        if same := _run(one[::-1], other[::-1]):
            return Match(alo + len(one) - same, blo + len(other) - same, same)
        if not self._comparison.afford(sum(self._met[each] for each in one) + len(one) + len(other)):
            return Match(alo, blo, 0)
        return super().find_longest_match(alo, ahi, blo, bhi)


def _run(one: Sequence[str], other: Sequence[str]) -> int:
    return next((n for n, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))
