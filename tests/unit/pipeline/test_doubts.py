"""How many refusals in a row are believed, however many workers meet them at once."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action, AddAction

from chalicelib.pipeline.refusal_streak import MOST_IN_A_ROW, believed
from chalicelib.storage.rows.flow import SwitchRow


class Count:
    """The row, as DynamoDB changes it: one conditional write at a time."""

    def __init__(self) -> None:
        self.value: float = 0

    def write(self, actions: list[Action], condition: Condition) -> float | None:
        [action] = actions
        value: Any = action.values[-1]
        number = float(value.value["N"])
        if not isinstance(action, AddAction):
            self.value = number
        elif self.value < MOST_IN_A_ROW:
            self.value += number
        else:
            return None
        return self.value

    def call(self, refused: int, accepted: int = 0, *, known: float | None = None) -> int:
        seen = self.value if known is None else known
        return believed(SwitchRow.refusals, known=seen, refused=refused, accepted=accepted, write=self.write)


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
