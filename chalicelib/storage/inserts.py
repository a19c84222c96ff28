"""Many conditional inserts in one request, at the price of plain writes: a unit for each KB of an item and of what an
index holds of it. In a transaction each costs two.

PartiQL's INSERT refuses an item whose key is taken, and BatchExecuteStatement makes up to 25 of them, each for itself
("PartiQL insert statements for DynamoDB", "Running batch operations with PartiQL for DynamoDB"). What stood against one
is in its response's `Error.Code` (API reference, BatchStatementError): DuplicateItem where the key is taken;
ValidationError, ItemCollectionSizeLimitExceeded; AccessDenied, ResourceNotFound; and what may pass: ThrottlingError,
ProvisionedThroughputExceeded, RequestLimitExceeded, TransactionConflict, InternalServerError.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from chalicelib.aws_session import failure_of
from chalicelib.errors import UnavailableError, VestnikError
from chalicelib.storage.dynamodb import StageTable, dynamodb, reaching_dynamodb

_ROUNDS = 5  # for what the table did not take at first
_MOST_STATEMENTS = 25  # of a request
_TAKEN = "DuplicateItem"
_Item = dict[str, Any]


def insert_each(model: type[StageTable], items: Sequence[_Item]) -> list[bool]:
    """Inserts raw items, each only if no row has its key, 25 per request. Returns which were inserted; of the others
    a row is there, of somebody else, of an earlier one of these items, or of this one, if the answer to a first attempt
    was lost; who must know reads it. Names of attributes are our own, without quotes.

    An item that cannot be inserted does not keep the others back. Raises: UnavailableError (retryable: the same again
    inserts what is missing); InvalidError or TooLargeError (permanent), once all others are there."""
    inserted = [False] * len(items)
    refused: list[VestnikError] = []
    left = _first_of_each_key(model, items)
    for _ in range(_ROUNDS):
        passing: dict[int, VestnikError] = {}
        for n, error in _tried(model, items, left):
            failure = _failure(error) if error else None
            if failure is None:
                inserted[n] = not error
            elif type(failure) is UnavailableError:
                passing[n] = failure
            else:
                refused.append(failure)
        left = list(passing)
        if not left:
            break
    # What is still to be done comes first: a repetition meets what is refused for good once more.
    failures = sorted([*passing.values(), *refused], key=lambda one: not isinstance(one, UnavailableError))
    if failures:
        raise failures[0]
    return inserted


def _first_of_each_key(model: type[StageTable], items: Sequence[_Item]) -> list[int]:
    """The positions of the items, without those whose key an earlier one has: AWS does not say what two statements of
    one request do on the same key."""
    names = [str(name) for name in (model._hash_keyname, model._range_keyname) if name]
    first: dict[object, int] = {}
    for n, item in enumerate(items):
        first.setdefault(tuple(value for name in names for value in item[name].values()), n)
    return list(first.values())


def _tried(
    model: type[StageTable], items: Sequence[_Item], places: Sequence[int]
) -> Iterator[tuple[int, Mapping[str, str] | None]]:
    """What stood against each of the items at these places."""
    table = model._get_connection().table_name
    for start in range(0, len(places), _MOST_STATEMENTS):
        now = places[start : start + _MOST_STATEMENTS]
        with reaching_dynamodb():
            asked = {"Statements": [_statement(table, items[n]) for n in now]}
            answers = dynamodb().dispatch("BatchExecuteStatement", asked)["Responses"]
        yield from ((n, answer.get("Error")) for n, answer in zip(now, answers, strict=True))


def _statement(table: str, item: _Item) -> dict[str, Any]:
    names = ", ".join(f"'{name}': ?" for name in item)
    return {"Statement": f'INSERT INTO "{table}" VALUE {{{names}}}', "Parameters": list(item.values())}


def _failure(error: Mapping[str, str]) -> VestnikError | None:
    """None: the key is taken."""
    if error["Code"] == _TAKEN:
        return None
    told: Any = {"Error": error}
    return failure_of(ClientError(told, "BatchExecuteStatement"), "the database did not answer")
