"""What DynamoDB's expressions are about: paths into an item, values of the request, and what is computed from them."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple, Protocol

from moto.dynamodb.parsing.reserved_keywords import ReservedKeywords

from tests.twin.values import Item, RefusedError, Value, added, copied, size_of, taken, type_of, type_word

Path = tuple[str | int, ...]


@lru_cache(1)
def _reserved() -> frozenset[str]:
    return frozenset(ReservedKeywords.get_reserved_keywords())


class Scope(NamedTuple):
    """What a request says besides an expression, and which expression that is, for the errors."""

    what: str
    names: Mapping[str, str]
    values: Mapping[str, Value]

    def refusal(self, message: str) -> RefusedError:
        return RefusedError(f"Invalid {self.what}: {message}")

    def operand_refusal(self, operator: str, value: Value) -> RefusedError:
        told = f"operator or function: {operator}, operand type: {type_word(value)}"
        return self.refusal(f"Incorrect operand type for operator or function; {told}")

    def value(self, token: str) -> Value:
        if token not in self.values:
            undefined = "An expression attribute value used in expression is not defined"
            raise self.refusal(f"{undefined}; attribute value: {token}")
        return self.values[token]

    def name(self, token: str) -> str:
        if not token.startswith("#"):
            if token.upper() in _reserved():
                raise self.refusal(f"Attribute name is a reserved keyword; reserved keyword: {token}")
            return token
        if token not in self.names:
            undefined = "An expression attribute name used in the document path is not defined"
            raise self.refusal(f"{undefined}; attribute name: {token}")
        return self.names[token]


class Operand(Protocol):
    """Something that has a value, or none."""

    def value(self, item: Item, scope: Scope) -> Value | None: ...


@dataclass(frozen=True)
class Place:
    """A path as it is written: names, `#names` and positions."""

    steps: Path

    def path(self, scope: Scope) -> Path:
        return tuple(scope.name(step) if isinstance(step, str) else step for step in self.steps)

    def top(self, scope: Scope) -> str:
        """The attribute that it begins with."""
        return scope.name(str(self.steps[0]))

    def value(self, item: Item, scope: Scope) -> Value | None:
        return found(item, self.path(scope))


def found(item: Item, path: Path) -> Value | None:
    """The value at a path; None if there is none."""
    place: Any = {"M": item}
    for step in path:
        [(kind, inner)] = place.items()
        if isinstance(step, str):
            place = inner.get(step) if kind == "M" else None
        else:
            place = inner[step] if kind == "L" and step < len(inner) else None
        if place is None:
            return None
    value: Value = place
    return value


@dataclass(frozen=True)
class Given:
    """A value of the request."""

    token: str

    def value(self, item: Item, scope: Scope) -> Value:
        return scope.value(self.token)


@dataclass(frozen=True)
class Size:
    """How large something is; of numbers and the like, nothing."""

    of: Operand

    def value(self, item: Item, scope: Scope) -> Value | None:
        measured = self.of.value(item, scope)
        if measured is None or (kind := type_of(measured)) in ("N", "BOOL", "NULL"):
            return None
        return {"N": str(size_of(measured) if kind in ("S", "B") else len(measured[kind]))}


@dataclass(frozen=True)
class Sum:
    """Of two numbers, or their difference."""

    left: Operand
    operator: str
    right: Operand

    def value(self, item: Item, scope: Scope) -> Value:
        one, other = (
            _demanded("N", operand, self.operator, item=item, scope=scope) for operand in (self.left, self.right)
        )
        return added(one, other, sign=1 if self.operator == "+" else -1)


@dataclass(frozen=True)
class IfNotExists:
    """What is there, or else what stands behind it."""

    place: Place
    otherwise: Operand

    def value(self, item: Item, scope: Scope) -> Value | None:
        return self.place.value(item, scope) or self.otherwise.value(item, scope)


@dataclass(frozen=True)
class Joined:
    """Two lists, one after the other."""

    first: Operand
    second: Operand

    def value(self, item: Item, scope: Scope) -> Value:
        lists = [
            _demanded("L", operand, "list_append", item=item, scope=scope) for operand in (self.first, self.second)
        ]
        return {"L": [copied(one) for part in lists for one in part["L"]]}


def _demanded(kind: str, operand: Operand, operator: str, *, item: Item, scope: Scope) -> Value:
    value = there(operand.value(item, scope))
    if kind in value:
        return value
    if isinstance(operand, Given):
        raise scope.operand_refusal(operator, value)
    raise RefusedError("An operand in the update expression has an incorrect data type")


def there(value: Value | None) -> Value:
    """Raises: RefusedError: there is no value."""
    if value is None:
        raise RefusedError("The provided expression refers to an attribute that does not exist in the item")
    return value


def scope_of(request: Mapping[str, Any]) -> tuple[Mapping[str, str], Mapping[str, Any]]:
    """The names and the values of a request. Raises: RefusedError."""
    names, values = request.get("ExpressionAttributeNames"), request.get("ExpressionAttributeValues")
    for what, given, mark in (("Names", names, "#"), ("Values", values, ":")):
        if given == {}:
            raise RefusedError(f"ExpressionAttribute{what} must not be empty")
        for token in given or ():
            if not token.startswith(mark) or len(token) < 2:
                raise RefusedError(f'ExpressionAttribute{what} contains invalid key: Syntax error; key: "{token}"')
    return names or {}, {token: taken(value) for token, value in (values or {}).items()}


def demand_used(names: Mapping[str, str], values: Mapping[str, Any], used: frozenset[str]) -> None:
    """Raises: RefusedError: a request says more than its expressions speak of."""
    for what, given in (("Names", names), ("Values", values)):
        if idle := [token for token in given if token not in used]:
            told = ", ".join(idle)
            raise RefusedError(f"Value provided in ExpressionAttribute{what} unused in expressions: keys: {{{told}}}")
