"""What every table shares: a name by convention, short timeouts, and one translation of failures; and requests of many
items, or under a condition."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from random import uniform
from time import sleep
from typing import Any, Literal, cast

import botocore.session
from botocore.exceptions import ClientError
from pynamodb import attributes
from pynamodb.connection import Connection, TableConnection
from pynamodb.constants import BATCH_GET_PAGE_LIMIT, BATCH_WRITE_PAGE_LIMIT
from pynamodb.exceptions import PynamoDBException, TransactWriteError, VerboseClientError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.models import Model
from pynamodb.transactions import TransactWrite

from chalicelib.aws_session import FAILURES, failure_of, session
from chalicelib.botocore_fast_path import plain_answers, plain_requests
from chalicelib.errors import UnavailableError
from chalicelib.settings import settings

_PUT_ROUNDS = 5  # for what a table did not take at first
_CONFLICT_TRIES, _CONFLICT_PAUSE_SECONDS = 4, 0.005
CONDITION_FAILED = "ConditionalCheckFailedException"
_used: list[Connection] = []  # the connection of this process, once it has one


class TableMeta:
    """The connection's limits. DynamoDB answers in milliseconds: what has not come within two seconds is lost."""

    thing: str
    region = None
    host = None
    connect_timeout_seconds = 2
    read_timeout_seconds = 5
    max_retry_attempts = 3  # safe: every write of ours is conditional or overwrites with the same
    max_pool_connections = 10
    extra_headers = None
    aws_access_key_id = None
    aws_secret_access_key = None
    aws_session_token = None


class JSONAttribute(attributes.JSONAttribute):
    """JSON in UTF-8. PynamoDB's own writes `\\u0431` for a Cyrillic letter, three times its size: a body that the API
    takes would not fit DynamoDB's 400 KB."""

    def serialize(self, value: Any) -> str | None:
        """Overrides PynamoDB's."""
        return None if value is None else json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class StageTable(Model):
    """A table named `vestnik-<stage>-<Meta.thing>`; the name is found at the first use, not at import."""

    @classmethod
    def _get_connection(cls) -> TableConnection:
        meta = cast(Any, cls).Meta
        if "_connection" not in cls.__dict__:
            cls._connection = None  # that of a parent is of another table
        if cls._connection is None or cls._connection.connection is not dynamodb():
            meta.table_name = settings().resource(meta.thing)
        table: TableConnection = super()._get_connection()
        if table.connection is not dynamodb():
            # PynamoDB makes a botocore session and a client for every model: 0.2 s of a cold start for each table.
            with suppress(ValueError):  # another model of the same table came first
                dynamodb().add_meta_table(table.get_meta_table())
            table.connection = dynamodb()
        return table


class _Connection(Connection):
    """PynamoDB's own makes a session for each thread, and botocore's own client is slow."""

    @property
    def session(self) -> botocore.session.Session:
        plain_answers(session())
        return session()

    @property
    def client(self) -> Any:
        known, client = self._client, super().client
        if client is not known:
            plain_requests(client)
        return client

    def _make_api_call(self, operation_name: str, operation_kwargs: dict[str, Any]) -> dict[str, Any]:
        """Overrides PynamoDB's: what met a transaction is tried again, as botocore does not; it lasts milliseconds."""
        for tried in range(1, _CONFLICT_TRIES):
            try:
                return super()._make_api_call(operation_name, operation_kwargs)
            except VerboseClientError as error:
                if not _met_a_transaction(error):
                    raise
                sleep(uniform(0, _CONFLICT_PAUSE_SECONDS * 2**tried))  # noqa: S311  (so that two do not meet again)
        return super()._make_api_call(operation_name, operation_kwargs)


def _met_a_transaction(error: VerboseClientError) -> bool:
    """Whether nothing else stands against a write."""
    reasons = {reason.code for reason in error.cancellation_reasons if reason}
    return reasons == {"TransactionConflict"} or error.response["Error"]["Code"] == "TransactionConflictException"


def dynamodb() -> Connection:
    """The process's one connection to DynamoDB, for every table."""
    if not _used:
        use(_aws())
    return _used[0]


def use(connection: Connection | None) -> None:
    """Puts every table behind another connection; None: behind a new one to AWS, made on first use."""
    _used[:] = [] if connection is None else [connection]


def _aws() -> Connection:
    return _Connection(
        connect_timeout_seconds=TableMeta.connect_timeout_seconds,
        read_timeout_seconds=TableMeta.read_timeout_seconds,
        max_retry_attempts=TableMeta.max_retry_attempts,
        max_pool_connections=TableMeta.max_pool_connections,
    )


@contextmanager
def reaching_dynamodb() -> Iterator[None]:
    """Translates refusals and failures of DynamoDB into ours (`aws_session.failure_of`): InvalidError (permanent) for a
    value that it does not take, such as a tampered cursor; UnavailableError (retryable). A failed condition is no
    failure: whoever writes conditionally catches it inside."""
    try:
        yield
    except PynamoDBException as error:
        cause = error.cause
        raise failure_of(cause if isinstance(cause, FAILURES) else error, "the database did not answer") from error
    except FAILURES as error:
        raise failure_of(error, "the database did not answer") from error


def batch_read(
    wanted: Mapping[type[StageTable], Sequence[tuple[str, ...]]],
    *,
    attributes: Sequence[str] = (),
    consistent: bool = True,
) -> Iterator[tuple[type[StageTable], dict[str, Any]]]:
    """Raw items of several tables, by hash key and, if there is one, range key (PynamoDB drops attributes that no model
    names, and takes its time); a hundred per request. `attributes` limits what is read. The caller is inside
    `reaching_dynamodb`."""
    how: dict[str, Any] = {"ConsistentRead": consistent}
    if attributes:
        names = {f"#{n}": name for n, name in enumerate(attributes)}
        how |= {"ProjectionExpression": ",".join(names), "ExpressionAttributeNames": names}
    tables = {model._get_connection().table_name: model for model in wanted}
    left = [(table, key) for table, model in tables.items() for key in _raw_keys(model, wanted[model])]
    while left:
        now, left = left[:BATCH_GET_PAGE_LIMIT], left[BATCH_GET_PAGE_LIMIT:]
        request: dict[str, Any] = {}
        for table, key in now:
            request.setdefault(table, {"Keys": [], **how})["Keys"].append(key)
        answer = dynamodb().dispatch("BatchGetItem", {"RequestItems": request})
        for table, items in answer["Responses"].items():
            yield from ((tables[table], item) for item in items)
        left += [(table, key) for table, unread in answer["UnprocessedKeys"].items() for key in unread["Keys"]]


def _raw_keys(model: type[StageTable], keys: Sequence[tuple[str, ...]]) -> list[dict[str, Any]]:
    names = [str(name) for name in (model._hash_keyname, model._range_keyname) if name]
    return [{name: {"S": part} for name, part in zip(names, key, strict=True)} for key in keys]


def save_if(row: StageTable, condition: Condition) -> bool:
    """Puts a row; False, with nothing done, if the condition did not hold. Raises: UnavailableError (retryable)."""
    return _holds(lambda: row.save(condition=condition))


def update_if(row: StageTable, actions: Sequence[Action], condition: Condition | None) -> bool:
    """Changes a row, which then shows its new state; False, with nothing done, if the condition did not hold. Raises:
    UnavailableError (retryable)."""
    return _holds(lambda: row.update(actions=list(actions), condition=condition))


def delete_if(row: StageTable, condition: Condition) -> bool:
    """Removes a row; False, with nothing done, if the condition did not hold. Raises: UnavailableError (retryable)."""
    return _holds(lambda: row.delete(condition=condition))


def _holds(write: Callable[[], object]) -> bool:
    with reaching_dynamodb():
        try:
            write()
            return True
        except PynamoDBException as error:
            if not condition_failed(error):
                raise
            return False


def write_if(operation: Literal["PutItem", "UpdateItem"], model: type[StageTable], **request: Any) -> bool:
    """One raw write; False, with nothing done, if its condition did not hold. Raises: UnavailableError (retryable),
    InvalidError (permanent): the row cannot be changed so."""
    with reaching_dynamodb():
        try:
            dynamodb().dispatch(operation, {"TableName": model._get_connection().table_name, **request})
        except ClientError as error:
            if error.response["Error"]["Code"] != CONDITION_FAILED:
                raise
            return False
        return True


def condition_failed(error: PynamoDBException) -> bool:
    """Whether a single conditional write was refused by its condition."""
    # Not `cause_response_code`: a lost connection has a `response` too, None, and PynamoDB stumbles over it.
    cause = error.cause
    return isinstance(cause, ClientError) and cause.response["Error"]["Code"] == CONDITION_FAILED


def transaction(write: Callable[[TransactWrite], None]) -> bool:
    """Makes all the writes that `write` adds; False, with none made, if a condition stood against one. Raises:
    UnavailableError (retryable), also if a simultaneous transaction stood in the way."""
    with reaching_dynamodb():
        try:
            with TransactWrite(connection=dynamodb()) as transaction:
                write(transaction)
        except TransactWriteError as error:
            if not any(reason and reason.code == "ConditionalCheckFailed" for reason in error.cancellation_reasons):
                raise
            return False
    return True


def batch_put(model: type[StageTable], items: Sequence[dict[str, Any]]) -> None:
    """Writes raw items over whatever is there; 25 per request. The caller is inside `reaching_dynamodb`. Raises:
    UnavailableError (retryable): the table took only some of them."""
    table = model._get_connection().table_name
    left = [{"PutRequest": {"Item": item}} for item in items]
    for _ in range(_PUT_ROUNDS + len(left) // BATCH_WRITE_PAGE_LIMIT):
        if not left:
            return
        now, left = left[:BATCH_WRITE_PAGE_LIMIT], left[BATCH_WRITE_PAGE_LIMIT:]
        answer = dynamodb().dispatch("BatchWriteItem", {"RequestItems": {table: now}})
        left += answer.get("UnprocessedItems", {}).get(table, [])
    if left:
        raise UnavailableError(f"the table did not take {len(left)} items")
