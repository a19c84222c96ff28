"""What one item of a batch may hold that nobody has thought of: values for hypothesis to put among good ones."""

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import strategies as st

_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.sampled_from([10**400, -(10**30), 0, 1e308]),
    st.floats(allow_nan=True, allow_infinity=True),
    st.text(max_size=8),
    st.sampled_from(
        ["", " ", "\ud800", "x\udfffy", "\u0000", "\u202e", "x" * 50_000, "2026-13-45T99:99", "Mars/Olympus"]
    ),
    st.sampled_from(["queued", "exploded", "email", "marketing", "-1", "NaN", "{{ user.name }}"]),
)


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for n in range(depth):
        value = [value] if n % 2 else {"a": value}
    return value


ANYTHING = st.one_of(
    _LEAVES,
    st.lists(_LEAVES, max_size=3),
    st.dictionaries(st.text(max_size=5), _LEAVES, max_size=3),
    st.sampled_from([12, 150, 230, 700]).map(_nested),
)
# What JSON text in a table may be, whole or broken.
JSON_TEXT = st.one_of(
    ANYTHING.map(lambda value: json.dumps(value)).filter(lambda text: len(text) < 100_000),
    st.sampled_from(["", "{", "nonsense", "[" * 2_000, '{"a": ' * 1_500, "1" * 5_000]),
)
# An attribute of an item as DynamoDB has it.
ATTRIBUTE = st.one_of(
    JSON_TEXT.map(lambda text: {"S": text}),
    st.sampled_from(["", "exploded", "9999-99-99", "Mars/Olympus", "x" * 3000]).map(lambda text: {"S": text}),
    st.integers(-5, 10**30).map(lambda number: {"N": str(number)}),
    st.sampled_from([{"NULL": True}, {"BOOL": True}, {"L": []}, {"L": [{"N": "1"}]}, {"M": {"a": {"S": "b"}}}]),
    st.sampled_from([{"B": b"x"}, {"SS": ["a"]}]),
)


def spoil(item: dict[str, Any], names: Sequence[str]) -> st.SearchStrategy[dict[str, Any]]:
    """The item of a table with some of its attributes replaced, or taken away."""

    def of(changes: dict[str, Any]) -> dict[str, Any]:
        changed = {**item, **changes}
        return {name: value for name, value in changed.items() if value is not None}

    return st.dictionaries(st.sampled_from(list(names)), st.none() | ATTRIBUTE, min_size=1, max_size=3).map(of)
