"""Whether one share is really larger than others: the pooled two-proportion z-test (Fleiss, Levin, Paik: Statistical
Methods for Rates and Proportions, 3rd edition, 2.4), with Bonferroni's correction for all pairs, as the best is only
known once all were seen.

One look at a time that was fixed before is what the test allows. Whoever looks every hour, and stops when it says
"hardly chance", is right less often than it says.
"""

import math
from collections.abc import Mapping
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

SURE = 0.05  # below this a difference is hardly chance
FEWEST = 5  # expected in each cell: below this the normal approximation says nothing


class Share(NamedTuple):
    """So many of so many."""

    acted: int
    reached: int

    @property
    def rate(self) -> float:
        """From 0 to 1."""
        return self.acted / self.reached if self.reached else 0.0


class Certainty(StrEnum):
    """What may be said of the best: nobody has acted yet; too few have to tell; two are equal; the difference could be
    chance; it hardly is."""

    NONE = "none"
    FEW = "few"
    TIE = "tie"
    CHANCE = "chance"
    SURE = "sure"


class Ranking(NamedTuple):
    """The best (of equal ones the first), the next, by how many percentage points it is ahead, and the chance of such a
    difference if there was none (None: too few to tell)."""

    best: str
    next: str
    points: float
    p: float | None
    word: Certainty


def p_of(one: Share, other: Share) -> float | None:
    """How likely two shares differ at least so much if there is no difference, two-sided; None: too few to tell."""
    acted, reached = one.acted + other.acted, one.reached + other.reached
    if not one.reached or not other.reached:
        return None
    pooled = acted / reached
    if min(one.reached, other.reached) * min(pooled, 1 - pooled) < FEWEST:
        return None
    error = math.sqrt(pooled * (1 - pooled) * (1 / one.reached + 1 / other.reached))
    return math.erfc(abs(one.rate - other.rate) / error / math.sqrt(2))


def rank(shares: Mapping[str, Share]) -> Ranking:
    """Of two shares or more. The best is sure if it differs from every other."""
    best, following = sorted(shares, key=lambda name: -shares[name].rate)[:2]  # stable: of equal ones the first
    points = 100 * (shares[best].rate - shares[following].rate)
    pairs = len(list(combinations(shares, 2)))
    chances = [p_of(shares[best], share) for name, share in shares.items() if name != best]
    known = [one for one in chances if one is not None]
    p = min(1.0, max(known) * pairs) if len(known) == len(chances) else None
    if not any(share.acted for share in shares.values()):
        word = Certainty.NONE
    elif p is None:
        word = Certainty.FEW
    elif points == 0:
        word = Certainty.TIE
    else:
        word = Certainty.SURE if p < SURE else Certainty.CHANCE
    return Ranking(best, following, points, p, word)
