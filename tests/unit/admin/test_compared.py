"""What differs is shown, at a cost that a page can bear."""

from collections.abc import Callable
from difflib import unified_diff

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.admin import text_diff as compared
from chalicelib.admin.text_diff import Comparison
from tests.unit.rendering.test_growth import Work

_LINES = st.lists(st.sampled_from("abc"), max_size=8)


@given(was=_LINES, now=_LINES, steps=st.sampled_from([0, 10, 10**6]))
def test_whatever_was_and_is_can_be_read_in_what_is_shown(was: list[str], now: list[str], steps: int) -> None:
    comparison = Comparison(steps)

    opcodes = comparison.opcodes(was, now)

    assert [line for _, i, j, _, _ in opcodes for line in was[i:j]] == was
    assert [line for _, _, _, k, m in opcodes for line in now[k:m]] == now
    assert all(was[i:j] == now[k:m] for kind, i, j, k, m in opcodes if kind == "equal")


def test_a_line_that_was_changed_is_told_as_diff_tells_it() -> None:
    was = [f"line {n}" for n in range(20)]
    now = [*was[:9], "another", *was[10:19], "the last"]

    assert list(Comparison().unified(was, now)) == list(unified_diff(was, now, lineterm="", n=2))[2:]


def test_a_change_in_thousands_of_lines_that_are_alike_is_found() -> None:
    was = ["<td>"] * 20_000

    [about, *lines] = Comparison().unified(was, [*was[:9_000], "<th>", *was[9_000:]])

    assert (about, lines) == ("@@ -8999,4 +8999,5 @@", [" <td>", " <td>", "+<th>", " <td>", " <td>"])


HOSTILE: dict[str, Callable[[int, str], list[str]]] = {
    "alike and unlike in turn": lambda n, own: [".", own] * n,
    "alike among many": lambda n, own: [one for k in range(n) for one in (f"{own}{k}", str(k % 90))],
    "all alike except for the ends": lambda n, own: [own, *["."] * n, own],
    "some that are alike": lambda n, own: [str((k * (7 if own == "a" else 11)) % 13) for k in range(n)],
}


@pytest.mark.parametrize("shape", HOSTILE)
def test_texts_that_are_alike_in_many_places_cost_no_more_than_is_allowed(
    shape: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(compared, "MOST_STEPS", 20_000)
    one, other = (HOSTILE[shape](1_000, own) for own in ("a", "b"))

    with Work() as work:
        comparison = Comparison()
        for _ in range(5):  # the fields of a form
            comparison.opcodes(one, other)

    assert work.done < 400_000
