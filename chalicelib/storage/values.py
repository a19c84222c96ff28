"""Rows, one or many, as they are read, and as plain values."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

from pynamodb.expressions.condition import Condition

from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.dynamodb import StageTable, reaching_dynamodb

_LONGEST_HASH_KEY = 2048  # bytes, of DynamoDB
_Row = TypeVar("_Row", bound=StageTable)
_T = TypeVar("_T")
_V = TypeVar("_V")


def find(model: type[_Row], hash_key: str, range_key: str | int | None = None) -> _Row | None:
    """The current row; None if there is none, or if no key can look like this, as DynamoDB would refuse the request.
    Raises: UnavailableError (retryable)."""
    if not 0 < len(hash_key.encode()) <= _LONGEST_HASH_KEY:
        return None
    with reaching_dynamodb():
        try:
            return model.get(hash_key, range_key, consistent_read=True)
        except model.DoesNotExist:
            return None


def raw_query(
    model: type[StageTable], hash_key: str, condition: Condition | None = None, *, most: int | None = None, **how: Any
) -> Iterator[dict[str, Any]]:
    """Raw items of one partition, consistent: PynamoDB would read neither a damaged one nor any after it. The caller is
    inside `reaching_dynamodb`."""
    start, left = None, most
    while left is None or left > 0:
        answer: dict[str, Any] = model._get_connection().query(
            hash_key, condition, consistent_read=True, limit=left, exclusive_start_key=start, **how
        )
        yield from answer["Items"]
        start, left = answer.get("LastEvaluatedKey"), None if left is None else left - len(answer["Items"])
        if not start:
            return


def read_each(model: type[_Row], items: Iterable[dict[str, Any]], value: Callable[[_Row], _T]) -> list[_T]:
    """What `value` makes of each row. A damaged one is logged, and missing: it hides none of the others."""
    return each(
        lambda item: value(model.from_raw_data(item)),
        items,
        alone=lambda _, error: log_failure(f"a row of {model.__name__}", error),
    )


def value_of(kind: type[_V], row: StageTable, **other: Any) -> _V:
    """The plain value of a row: its attributes that `kind` (a dataclass or NamedTuple) has, and `other` fields. Raises:
    TypeError (permanent): the row lacks some."""
    names: Iterable[str] = getattr(kind, "_fields", None) or kind.__dataclass_fields__  # type: ignore[attr-defined]
    known = {name: value for name, value in row.attribute_values.items() if name in names and value is not None}
    return kind(**known | other)
