"""How many refusals in a row are believed, however many workers meet them at once."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.flow.throttle import MOST_IN_A_ROW, believed


class Count:
    """The row, as DynamoDB changes it: one conditional write at a time."""

    def __init__(self) -> None:
        self.value: float = 0

    def add(self, count: int, below: int) -> float | None:
        if self.value >= below:
            return None
        self.value += count
        return self.value

    def reset(self) -> None:
        self.value = 0

    def call(self, refused: int, accepted: int = 0, *, known: float | None = None) -> int:
        seen = self.value if known is None else known
        return believed(known=seen, refused=refused, accepted=accepted, add=self.add, reset=self.reset)


@given(st.lists(st.integers(min_value=1, max_value=50), max_size=30))
def test_of_refusals_alone_the_first_are_believed_and_no_more(calls: list[int]) -> None:
    count = Count()

    assert sum(count.call(refused) for refused in calls) == min(sum(calls), MOST_IN_A_ROW)


@pytest.mark.parametrize(("refused", "accepted"), [(1, 1), (3, 40), (0, 1)])
def test_a_call_in_which_as_many_are_accepted_begins_the_count_anew(refused: int, accepted: int) -> None:
    count = Count()
    count.call(15)

    assert count.call(refused, accepted) == refused
    assert count.value == 0


def test_what_another_worker_has_counted_meanwhile_counts() -> None:
    count = Count()
    count.call(15)

    assert count.call(10, known=0) == MOST_IN_A_ROW - 15


def test_where_more_are_refused_than_accepted_the_rest_adds_up() -> None:
    count = Count()
    for _ in range(3):
        count.call(30, 20)

    assert count.value >= MOST_IN_A_ROW
    assert count.call(5) == 0
