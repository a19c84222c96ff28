"""DynamoDB while other transactions are under way: a share of the writes meets one, as AWS answers it (developer guide,
"Amazon DynamoDB transactions: how it works", conflict handling; the errors of each call in botocore's model).

A single write gets TransactionConflictException; a transaction is cancelled, with the reason TransactionConflict for
that item, beside what else stands against it; a statement of a batch gets the code TransactionConflict. A put or delete
of BatchWriteItem comes back unprocessed. Reads go on.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from random import Random
from typing import Any, cast

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from chalicelib.storage.dynamodb import dynamodb
from tests.twin.client import error_answer, from_wire
from tests.twin.process import of_the_stage
from tests.twin.values import RefusedError

Answer = dict[str, Any]
_MESSAGE = "Transaction is ongoing for the item"
_REASON = {"Code": "TransactionConflict", "Message": _MESSAGE}
_CANCELLED = "Transaction cancelled, please refer cancellation reasons for specific reasons"
_EVENT = "before-call.dynamodb"


class Conflicts:
    """A handler of `before-call.dynamodb`. A `share` of the writes meet a transaction, the same ones for a `seed`; one
    request does so at most `in_a_row` times."""

    def __init__(self, *, seed: object, share: float, in_a_row: int) -> None:
        self._random = Random(str(seed))  # noqa: S311
        self._share = share
        self._in_a_row = in_a_row
        self._met: Counter[bytes] = Counter()
        self.told: Counter[str] = Counter()  # conflicts by operation

    def __call__(self, model: Any, params: Mapping[str, Any], **_: Any) -> tuple[AWSResponse, Answer] | None:
        """The response and what botocore would have read; None: the request goes on."""
        answer = _ANSWERS.get(model.name)
        if answer is None or not self._meets(params["body"]):
            return None
        try:
            status, parsed = 200, answer(self, from_wire(params["body"]))
        except RefusedError as error:
            status, parsed = 400, error_answer(error)
        self.told[model.name] += 1
        return AWSResponse(params["url"], status, HTTPHeaders(), None), parsed

    def _meets(self, body: bytes) -> bool:
        if self._met[body] == self._in_a_row or self._random.random() >= self._share:
            self._met.pop(body, None)
            return False
        self._met[body] += 1
        return True

    def _single(self, _: Any) -> Answer:
        raise RefusedError(f"{_MESSAGE}.", "TransactionConflictException")

    def _transaction(self, request: Any) -> Answer:
        reasons = _reasons(request["TransactItems"])
        for place in self._some(len(reasons)):
            reasons[place] = _REASON
        codes = ", ".join(reason["Code"] for reason in reasons)
        raise RefusedError(f"{_CANCELLED} [{codes}]", "TransactionCanceledException", CancellationReasons=reasons)

    def _batch(self, request: Any) -> Answer:
        writes = [(table, one) for table, many in request["RequestItems"].items() for one in many]
        met, taken, left = self._some(len(writes)), dict[str, Any](), dict[str, Any]()
        for place, (table, one) in enumerate(writes):
            (left if place in met else taken).setdefault(table, []).append(one)
        if taken:
            of_the_stage().answer("BatchWriteItem", {"RequestItems": taken})
        return {"UnprocessedItems": left}

    def _statements(self, request: Any) -> Answer:
        statements = request["Statements"]
        met = self._some(len(statements))
        others = [one for place, one in enumerate(statements) if place not in met]
        told = iter(
            of_the_stage().answer("BatchExecuteStatement", {"Statements": others})["Responses"] if others else ()
        )
        return {"Responses": [{"Error": _REASON} if place in met else next(told) for place in range(len(statements))]}

    def _some(self, of: int) -> set[int]:
        return {self._random.randrange(of) for _ in range(1 + of // 10)}


_ANSWERS: Mapping[str, Callable[[Conflicts, Any], Answer]] = {
    **dict.fromkeys(("PutItem", "UpdateItem", "DeleteItem"), Conflicts._single),
    "TransactWriteItems": Conflicts._transaction,
    "BatchWriteItem": Conflicts._batch,
    "BatchExecuteStatement": Conflicts._statements,
}


def _reasons(items: list[Any]) -> list[Answer]:
    """What else stands against the writes of a transaction, which is not made: one more write never holds."""
    table = next(one for one in of_the_stage().tables.values() if {part.kind for part in one.own.parts} == {"S"})
    nowhere = {part.name: {"S": "\0"} for part in table.own.parts}
    never = {"TableName": table.name, "Key": nowhere, "ConditionExpression": "attribute_exists(#k)",
             "ExpressionAttributeNames": {"#k": table.own.parts[0].name}}  # fmt: skip
    try:
        of_the_stage().answer("TransactWriteItems", {"TransactItems": [*items[:99], {"ConditionCheck": never}]})
    except RefusedError as error:
        if "CancellationReasons" not in error.more:
            raise
        return [*error.more["CancellationReasons"][:-1], *({"Code": "None"} for _ in items[99:])]
    raise AssertionError("a transaction was made whose condition cannot hold")


@contextmanager
def conflicts(*, seed: object, share: float = 1 / 3, in_a_row: int = 10**6) -> Iterator[Conflicts]:
    """As long as the block lasts, other transactions are under way in the database of this process."""
    made, events = Conflicts(seed=seed, share=share, in_a_row=in_a_row), cast(Any, dynamodb().client).meta.events
    events.register_first(_EVENT, made)
    try:
        yield made
    finally:
        events.unregister(_EVENT, made)
