"""DynamoDB in memory: takes requests and gives answers as they are on the wire, and refuses what AWS refuses, in its
words. What AWS leaves open (how a scan is ordered) is in no order that means anything here.

Held to moto by `tests/contract/storage/`; where moto is kinder than AWS, this is as strict as AWS."""

from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Any

from tests.twin.expressions import read
from tests.twin.operands import Place, Scope, demand_used, scope_of
from tests.twin.reading import cut_to, page_of_query, page_of_scan, projected
from tests.twin.statements import batch_execute_statement
from tests.twin.tables import Key, Table
from tests.twin.updates import updated
from tests.twin.values import KB, Item, RefusedError, copied_item, size_of_item, taken_item

Request = Mapping[str, Any]
Answer = dict[str, Any]
_MOST_WRITES, _MOST_READS, _MOST_IN_A_TRANSACTION = 25, 100, 100
_TRANSACTION_BYTES = 4 * KB * KB
_BATCH_READ_BYTES = 16 * KB * KB
_RETURNED = {
    "PutItem": ("NONE", "ALL_OLD"),
    "DeleteItem": ("NONE", "ALL_OLD"),
    "UpdateItem": ("NONE", "ALL_OLD", "UPDATED_OLD", "ALL_NEW", "UPDATED_NEW"),
}
_FAILED = ("The conditional request failed", "ConditionalCheckFailedException")


class DynamoDB:
    """All tables of an account."""

    def __init__(self) -> None:
        self.tables: dict[str, Table] = {}
        self._lock = RLock()

    def emptied(self) -> "DynamoDB":
        """The same tables with nothing in them."""
        made = DynamoDB()
        made.tables = {name: table.emptied() for name, table in self.tables.items()}
        return made

    def answer(self, operation: str, request: Request) -> Answer:
        """Raises: RefusedError."""
        with self._lock:
            return OPERATIONS[operation](self, request)

    def table(self, name: str) -> Table:
        """Raises: RefusedError: there is none."""
        try:
            return self.tables[name]
        except KeyError:
            raise RefusedError("Requested resource not found", "ResourceNotFoundException") from None

    def item(self, table: str, key: Item) -> Item | None:
        """A copy of an item by its key."""
        with self._lock:
            found = self.table(table)
            item = found.item(found.key(key)[0])
            return None if item is None else copied_item(item)

    def _create_table(self, request: Request) -> Answer:
        if request["TableName"] in self.tables:
            raise RefusedError(f"Table already exists: {request['TableName']}", "ResourceInUseException")
        made = self.tables[request["TableName"]] = Table(request)
        return {"TableDescription": {**made.description, "TableStatus": "ACTIVE"}}

    def _delete_table(self, request: Request) -> Answer:
        gone = self.table(request["TableName"])
        del self.tables[gone.name]
        return {"TableDescription": {**gone.description, "TableStatus": "DELETING"}}

    def _describe_table(self, request: Request) -> Answer:
        found = self.table(request["TableName"])
        return {"Table": {**found.description, "TableStatus": "ACTIVE", "ItemCount": len(found.items)}}

    # Reads

    def _get_item(self, request: Request) -> Answer:
        table = self.table(request["TableName"])
        key, _ = table.key(request["Key"])
        places, scope = _wanted(request)
        item = table.item(key)
        return {} if item is None else {"Item": cut_to(places, item, scope)}

    def _batch_get_item(self, request: Request) -> Answer:
        asked = [(name, how, key) for name, how in request["RequestItems"].items() for key in how["Keys"]]
        if not asked:
            raise _unlike_constraint("requestItems", "greater than or equal to 1")
        if len(asked) > _MOST_READS:
            raise RefusedError("Too many items requested for the BatchGetItem call")
        _demand_unlike((name, self.table(name).key(key)[0]) for name, _, key in asked)
        responses: dict[str, list[Item]] = {name: [] for name in request["RequestItems"]}
        left: dict[str, Any] = {}
        room = _BATCH_READ_BYTES
        for name, how, key in asked:
            table = self.table(name)
            places, scope = _wanted(how)
            entry = table.items.get(table.key(key)[0])
            if entry is None:
                continue
            room -= entry.size
            if room < 0:
                left.setdefault(name, {**how, "Keys": []})["Keys"].append(key)
            else:
                responses[name].append(cut_to(places, entry.item, scope))
        return {"Responses": responses, "UnprocessedKeys": left}

    def _query(self, request: Request) -> Answer:
        return page_of_query(self.table(request["TableName"]), request)

    def _scan(self, request: Request) -> Answer:
        return page_of_scan(self.table(request["TableName"]), request)

    # Writes

    def _put_item(self, request: Request) -> Answer:
        table, key, item = self._put_of(request)
        old = table.item(key)
        self._demand(request, old)
        _demand_returned("PutItem", request)
        table.put(key, item)
        return _told("ALL_OLD", request, old)

    def _put_of(self, request: Request) -> tuple[Table, Key, Item]:
        table = self.table(request["TableName"])
        item = taken_item(request["Item"])
        return table, table.key_of(item), item

    def _delete_item(self, request: Request) -> Answer:
        table = self.table(request["TableName"])
        key, _ = table.key(request["Key"])
        old = table.item(key)
        self._demand(request, old)
        _demand_returned("DeleteItem", request)
        table.remove(key)
        return _told("ALL_OLD", request, old)

    def _update_item(self, request: Request) -> Answer:
        table = self.table(request["TableName"])
        key, named = table.key(request["Key"])
        old = table.item(key)
        self._demand(request, old)
        _demand_returned("UpdateItem", request)
        new, touched = updated(table, request, named if old is None else old)
        table.put(key, new)
        how = request.get("ReturnValues", "NONE")
        told = (old if how.endswith("OLD") else new) if how != "NONE" else None
        if told and how.startswith("UPDATED"):
            told = {name: value for name, value in told.items() if name in touched}
        return {"Attributes": copied_item(told)} if told else {}

    def _demand(self, request: Request, item: Item | None) -> None:
        """Raises: RefusedError: the condition of a write does not hold for what is there."""
        if not _holds(request, item):
            shown = request.get("ReturnValuesOnConditionCheckFailure") == "ALL_OLD" and item is not None
            more: dict[str, Any] = {"Item": copied_item(item)} if shown and item else {}
            raise RefusedError(*_FAILED, **more)

    def _batch_write_item(self, request: Request) -> Answer:
        asked = [(name, one) for name, writes in request["RequestItems"].items() for one in writes]
        if not 0 < len(asked) <= _MOST_WRITES:
            bound = f"less than or equal to {_MOST_WRITES}, Member must have length greater than or equal to 1"
            raise _unlike_constraint("requestItems", bound)
        writes: list[tuple[Table, Key, Item | None]] = []
        for name, one in asked:
            table = self.table(name)
            [(kind, write)] = one.items()
            if kind == "PutRequest":
                _, key, item = self._put_of({"TableName": name, "Item": write["Item"]})
                _demand_size(item)
                writes.append((table, key, item))
            else:
                writes.append((table, table.key(write["Key"])[0], None))
        _demand_unlike((table.name, key) for table, key, _ in writes)
        for table, key, put in writes:
            table.remove(key) if put is None else table.put(key, put)
        return {"UnprocessedItems": {}}

    def _transact_write_items(self, request: Request) -> Answer:
        asked = request["TransactItems"]
        if not 0 < len(asked) <= _MOST_IN_A_TRANSACTION:
            bound = f"less than or equal to {_MOST_IN_A_TRANSACTION}" if asked else "greater than or equal to 1"
            raise _unlike_constraint("transactItems", bound)
        if any(len(one) != 1 for one in asked):
            raise RefusedError("TransactItems can only contain one of Check, Put, Update or Delete")
        # What cannot be read at all refuses the request; what stands against one write is told of that one.
        writes = [self._transacted(*next(iter(one.items()))) for one in asked]
        _demand_unlike(
            ((table.name, key) for table, key, _ in writes),
            "Transaction request cannot include multiple operations on one item",
        )
        results = [_tried(write) for _, _, write in writes]
        if any(isinstance(result, RefusedError) for result in results):
            raise _cancelled(results)
        if sum(size_of_item(result) for result in results if isinstance(result, dict)) > _TRANSACTION_BYTES:
            raise RefusedError("Transaction request size cannot exceed 4 MB")
        for (table, key, _), result, one in zip(writes, results, asked, strict=True):
            if "ConditionCheck" not in one:
                table.put(key, result) if isinstance(result, dict) else table.remove(key)
        return {}

    def _transacted(self, kind: str, write: Request) -> tuple[Table, Key, Callable[[], Item | None]]:
        """Where a write of a transaction goes, and what finds out what will be there."""
        table = self.table(write["TableName"])
        item: Item | None = None
        named: Item = {}
        if kind == "Put":
            _, key, item = self._put_of(write)
        else:
            key, named = table.key(write["Key"])
        old = table.item(key)
        _holds(write, None, only_read=True)

        def result() -> Item | None:
            self._demand(write, old)
            if kind == "Update":
                new, _ = updated(table, write, named if old is None else old)
                _demand_size(new, "Item size to update has exceeded the maximum allowed size")
                return new
            if item is not None:
                _demand_size(item)
            return item

        return table, key, result


def _unlike_constraint(field: str, bound: str) -> RefusedError:
    told = f"Value at '{field}' failed to satisfy constraint: Member must have length {bound}"
    return RefusedError(f"1 validation error detected: {told}")


def _tried(write: Callable[[], Item | None]) -> Item | RefusedError | None:
    try:
        return write()
    except RefusedError as error:
        return error


def _cancelled(results: Iterable[Item | RefusedError | None]) -> RefusedError:
    reasons: list[dict[str, Any]] = []
    for result in results:
        if isinstance(result, RefusedError):
            code = {_FAILED[1]: "ConditionalCheckFailed", "ValidationException": "ValidationError"}[result.code]
            reasons.append({"Code": code, "Message": result.message, **result.more})
        else:
            reasons.append({"Code": "None"})
    codes = ", ".join(reason["Code"] for reason in reasons)
    told = f"Transaction cancelled, please refer cancellation reasons for specific reasons [{codes}]"
    return RefusedError(told, "TransactionCanceledException", CancellationReasons=reasons)


def _demand_size(item: Item, told: str = "Item size has exceeded the maximum allowed size") -> None:
    if size_of_item(item) > 400 * KB:
        raise RefusedError(told)


def _demand_unlike(keys: Iterable[Any], told: str = "Provided list of item keys contains duplicates") -> None:
    listed = list(keys)
    if len(set(listed)) < len(listed):
        raise RefusedError(told)


def _demand_returned(operation: str, request: Request) -> None:
    if request.get("ReturnValues", "NONE") not in _RETURNED[operation]:
        raise RefusedError("Return values set to invalid value")


def _told(wanted: str, request: Request, item: Item | None) -> Answer:
    return {"Attributes": copied_item(item)} if item and request.get("ReturnValues") == wanted else {}


def _holds(request: Request, item: Item | None, *, only_read: bool = False) -> bool:
    """Whether the condition of a write holds. Raises: RefusedError: it cannot be read, or not all that the request says
    is used."""
    names, values = scope_of(request)
    used: frozenset[str] = frozenset()
    holds = True
    scope = Scope("ConditionExpression", names, values)
    condition = None
    if "ConditionExpression" in request:
        condition = read(scope.what, request["ConditionExpression"])
        used = condition.used
    if "UpdateExpression" in request:
        used |= read("UpdateExpression", request["UpdateExpression"]).used
    demand_used(names, values, used)
    if condition is not None:
        holds = condition.said.holds(item or {}, scope)
    return holds or only_read


def _wanted(request: Request) -> tuple[tuple[Place, ...], Scope]:
    """The projection of a read by key. Raises: RefusedError."""
    names, _ = scope_of(request)
    places, used = projected(request)
    if not places and names:
        raise RefusedError("ExpressionAttributeNames can only be specified when using expressions")
    demand_used(names, {}, used)
    return places, Scope("ProjectionExpression", names, {})


OPERATIONS: Mapping[str, Callable[[DynamoDB, Request], Answer]] = {
    "BatchExecuteStatement": batch_execute_statement,
    "BatchGetItem": DynamoDB._batch_get_item,
    "BatchWriteItem": DynamoDB._batch_write_item,
    "CreateTable": DynamoDB._create_table,
    "DeleteItem": DynamoDB._delete_item,
    "DeleteTable": DynamoDB._delete_table,
    "DescribeTable": DynamoDB._describe_table,
    "GetItem": DynamoDB._get_item,
    "PutItem": DynamoDB._put_item,
    "Query": DynamoDB._query,
    "Scan": DynamoDB._scan,
    "TransactWriteItems": DynamoDB._transact_write_items,
    "UpdateItem": DynamoDB._update_item,
}
