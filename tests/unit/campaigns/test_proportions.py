"""What may be said of the best of several shares."""

import math
from itertools import pairwise
from random import Random
from statistics import NormalDist

import pytest

from chalicelib.campaigns.proportions import SURE, Certainty, Share, p_of, rank


@pytest.mark.parametrize(
    ("one", "other", "z"),
    [
        # By hand: 0.15 / sqrt(0.375 · 0.625 · 2/100), 0.05 / sqrt(0.225 · 0.775 · 2/1000) …
        (Share(45, 100), Share(30, 100), 2.19089),
        (Share(200, 1000), Share(250, 1000), 2.67740),
        (Share(20, 100), Share(40, 400), 2.75241),
        (Share(30, 100), Share(30, 100), 0),
    ],
)
def test_a_difference_is_judged_by_the_normal_distribution(one: Share, other: Share, z: float) -> None:
    assert p_of(one, other) == pytest.approx(2 * NormalDist().cdf(-z), rel=1e-4)
    assert p_of(one, other) == p_of(other, one)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Share(0, 0), Share(3, 10)),
        (Share(3, 10), Share(0, 0)),
        (Share(0, 100), Share(0, 100)),
        (Share(100, 100), Share(100, 100)),
        (Share(9, 1_000), Share(0, 1_000)),
    ],
)
def test_too_few_tell_nothing(one: Share, other: Share) -> None:
    assert p_of(one, other) is None


@pytest.mark.parametrize(
    ("shares", "best", "word"),
    [
        ({"A": Share(0, 500), "B": Share(0, 500)}, "A", Certainty.NONE),
        ({"A": Share(0, 0), "B": Share(0, 0)}, "A", Certainty.NONE),
        ({"A": Share(1, 40), "B": Share(3, 40)}, "B", Certainty.FEW),
        ({"A": Share(50, 500), "B": Share(50, 500)}, "A", Certainty.TIE),
        ({"A": Share(50, 500), "B": Share(55, 500)}, "B", Certainty.CHANCE),
        ({"A": Share(50, 500), "B": Share(90, 500)}, "B", Certainty.SURE),
        ({"A": Share(90, 500), "B": Share(50, 500)}, "A", Certainty.SURE),
        # Sure against one of them is not enough.
        ({"A": Share(50, 500), "B": Share(90, 500), "C": Share(89, 500)}, "B", Certainty.CHANCE),
        # For three pairs it takes more than for one.
        ({"A": Share(50, 500), "B": Share(72, 500)}, "B", Certainty.SURE),
        ({"A": Share(50, 500), "B": Share(72, 500), "C": Share(50, 500)}, "B", Certainty.CHANCE),
    ],
)
def test_the_best_is_named_and_how_sure_that_is(shares: dict[str, Share], best: str, word: Certainty) -> None:
    found = rank(shares)
    assert (found.best, found.word) == (best, word)
    rates = sorted((one.rate for one in shares.values()), reverse=True)
    assert found.points == pytest.approx(100 * (rates[0] - rates[1]))


def test_of_equal_variants_hardly_any_is_called_a_winner() -> None:
    """The promise behind "hardly chance": at most one of twenty looks, for two variants as for four."""
    random = Random(20261130)  # noqa: S311 - made-up readers
    for names in ("AB", "ABCD"):
        sure = 0
        for _ in range(400):
            shares = {one: Share(sum(random.random() < 0.2 for _ in range(300)), 300) for one in names}
            sure += rank(shares).word is Certainty.SURE
        assert sure / 400 <= SURE + 3 * math.sqrt(SURE * (1 - SURE) / 400)


def test_a_larger_difference_is_less_likely_chance() -> None:
    chances = [p_of(Share(100, 1_000), Share(100 + more, 1_000)) or 0 for more in range(0, 60, 5)]
    assert all(one > other for one, other in pairwise(chances))
