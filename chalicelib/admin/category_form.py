"""Settings with a value per category, `routes` and `caps`, as rows of a form."""

from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.categories import CATEGORIES

# The columns of each; a row with an empty first column sets nothing for its category.
COLUMNS: Mapping[str, tuple[str, ...]] = {
    "routes": ("channels", "mode", "after_minutes"),
    "caps": ("letters", "days"),
}


def rows_of(name: str, value: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, str]]:
    """A row for every category that can have one: its columns as text."""
    shown = [one for one in CATEGORIES.values() if name != "caps" or not one.transactional]
    return {one.value: {column: _text(value.get(one, {}).get(column)) for column in COLUMNS[name]} for one in shown}


def read_rows(name: str, form: Mapping[str, Sequence[str]]) -> dict[str, dict[str, Any]]:
    """The value of the rows; the setting's own check reports mistakes in it."""
    first, *others = COLUMNS[name]
    value = {}
    for category in CATEGORIES:
        row = {column: _typed(form, f"{category}.{column}") for column in (first, *others)}
        if row[first]:
            value[category] = {column: _read(column, text) for column, text in row.items() if text}
    return value


def _typed(form: Mapping[str, Sequence[str]], field: str) -> str:
    return next(iter(form.get(field, ())), "").strip()


def _text(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(value)
    return "" if value is None else str(value)


def _read(column: str, text: str) -> Any:
    return [part.strip() for part in text.split(",") if part.strip()] if column == "channels" else text
