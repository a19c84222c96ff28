"""Who gets which variant of an experiment."""

from collections import Counter

import pytest

from chalicelib.campaigns.experiment import Experiment
from chalicelib.campaigns.held_chunks import notification_of

PEOPLE = 20_000
RUN = "c-1@2026-11-26T18:00:00Z"


def experiment(variants: int, share: int) -> Experiment:
    return Experiment.model_validate({"share_percent": share, "variants": [{"name": f"n{n}"} for n in range(variants)]})


def assigned(tested: Experiment, run: str = RUN) -> dict[str, str | None]:
    return {f"u-{n}": tested.assigned(notification_of(run, user_id=f"u-{n}")) for n in range(PEOPLE)}


@pytest.mark.parametrize("variants", [2, 3, 4])
@pytest.mark.parametrize("share", [1, 20, 99, 100])
def test_the_parts_are_as_large_as_they_should_be(variants: int, share: int) -> None:
    found = Counter(assigned(experiment(variants, share)).values())
    for name in "ABCD"[:variants]:
        expected = PEOPLE * share / 100 / variants
        assert abs(found[name] - expected) < 5 * expected**0.5, found
    assert found.total() == PEOPLE
    assert (found[None] == 0) == (share == 100)


def test_everybody_gets_the_same_again_and_in_another_run_by_another_lot() -> None:
    tested = experiment(2, 50)
    first, again, other = assigned(tested), assigned(tested), assigned(tested, "c-1@2026-11-27T18:00:00Z")
    assert first == again
    both = Counter((first[one], other[one]) for one in first)
    for name in "AB":  # who was in the test once is in it again as often as anybody else
        for later in "AB":
            assert abs(both[name, later] - PEOPLE / 16) < 5 * (PEOPLE / 16) ** 0.5


@pytest.mark.parametrize("variants", [0, 1, 5])
def test_there_are_two_to_four_variants(variants: int) -> None:
    with pytest.raises(ValueError, match="variants"):
        experiment(variants, 20)
