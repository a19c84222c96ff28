"""BatchExecuteStatement of DynamoDB in memory: INSERTs, and nothing else of PartiQL."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from infra.local.statements import DUPLICATE, inserted
from tests.twin.values import RefusedError

if TYPE_CHECKING:
    from tests.twin.dynamodb import DynamoDB

_CODES = {"ResourceNotFoundException": "ResourceNotFound", "ValidationException": "ValidationError"}


def batch_execute_statement(database: "DynamoDB", request: Mapping[str, Any]) -> dict[str, Any]:
    """Each for itself."""
    statements = request["Statements"]
    if not 0 < len(statements) <= 25:
        bound = "less than or equal to 25" if statements else "greater than or equal to 1"
        told = f"Value at 'statements' failed to satisfy constraint: Member must have length {bound}"
        raise RefusedError(f"1 validation error detected: {told}")
    taken: set[tuple[Any, ...]] = set()
    return {"Responses": [_answer(database, one, taken) for one in statements]}


def _answer(database: "DynamoDB", statement: Mapping[str, Any], taken: set[tuple[Any, ...]]) -> dict[str, Any]:
    try:
        name, item = inserted(statement)
    except ValueError as error:
        return {"Error": {"Code": "ValidationError", "Message": str(error)}}
    try:
        table = database.table(name)
        place = (name, *table.key_of(item))
        assert place not in taken, "AWS does not say what two statements of a request do on one key"
        taken.add(place)
        free = {
            "ConditionExpression": "attribute_not_exists(#k)",
            "ExpressionAttributeNames": {"#k": table.own.parts[0].name},
        }
        database.answer("PutItem", {"TableName": name, "Item": item, **free})
    except RefusedError as error:
        if error.code == "ConditionalCheckFailedException":
            return {"Error": DUPLICATE, "TableName": name}
        return {"Error": {"Code": _CODES[error.code], "Message": error.message}}
    return {"TableName": name}
