"""Values as DynamoDB has them on the wire, `{"S": "text"}`: what it takes, how it compares them, how large they are."""

from collections.abc import Mapping
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow, Rounded, Underflow
from functools import lru_cache
from typing import Any

Value = dict[str, Any]
Item = dict[str, Value]

KB = 1024
MOST_BYTES = 400 * KB
_HASH_KEY_BYTES, _RANGE_KEY_BYTES = 2048, 1024
_DEEPEST = 32
_NUMBERS = Context(prec=38, Emin=-130, Emax=125, traps=[Inexact, InvalidOperation, Overflow, Rounded, Underflow])
_TYPES = {
    "S": "STRING",
    "N": "NUMBER",
    "B": "BINARY",
    "BOOL": "BOOLEAN",
    "NULL": "NULL",
    "L": "LIST",
    "M": "MAP",
    "SS": "STRING_SET",
    "NS": "NUMBER_SET",
    "BS": "BINARY_SET",
}
SETS = {"SS": "S", "NS": "N", "BS": "B"}
_SET_WORDS = {"SS": "string set ", "NS": "number set ", "BS": "binary set "}


class RefusedError(Exception):
    """DynamoDB's answer 400."""

    def __init__(self, message: str, code: str = "ValidationException", **more: Any) -> None:
        super().__init__(message)
        self.code, self.message, self.more = code, message, more


def type_of(value: Value) -> str:
    return next(iter(value))


def type_word(value: Value) -> str:
    """As its errors call a type."""
    return _TYPES[type_of(value)]


def taken_item(given: Any) -> Item:
    """A copy of an item that was sent."""
    if not isinstance(given, dict):
        raise _unreadable("Start of structure or map found where not expected.")
    return {name: taken(value) for name, value in given.items()}


def taken(given: Any, depth: int = 0) -> Value:
    """A copy of a value that was sent, as DynamoDB keeps it: numbers shortened, sets in order. Raises: RefusedError."""
    if not isinstance(given, dict):
        raise _unreadable("Unexpected value type in payload")
    if len(given) != 1:
        how = "has more than one datatypes set" if given else "is empty"
        raise RefusedError(f"Supplied AttributeValue {how}, must contain exactly one of the supported datatypes")
    [(kind, value)] = given.items()
    if kind == "S":
        return {"S": _text(value)}
    if kind == "N":
        return {"N": number_text(value)}
    if kind == "BOOL":
        if not isinstance(value, bool):
            raise _unreadable("Unexpected token received from parser")
        return {"BOOL": value}
    if kind == "NULL":
        if value is not True:
            raise RefusedError(
                "One or more parameter values were invalid: Null attribute value types must have the value of true"
            )
        return {"NULL": True}
    if kind == "B":
        return {"B": _binary(value)}
    if depth > _DEEPEST:
        raise RefusedError("Nesting Levels have exceeded supported limits")
    if kind == "M" and isinstance(value, dict):
        return {"M": {name: taken(one, depth + 1) for name, one in value.items()}}
    if kind == "L" and isinstance(value, list | tuple):
        return {"L": [taken(one, depth + 1) for one in value]}
    if kind in SETS and isinstance(value, list | tuple | set | frozenset):
        return {kind: _members(kind, list(value))}
    if kind in _TYPES:
        raise _unreadable("Unexpected value type in payload")
    raise RefusedError("Supplied AttributeValue is empty, must contain exactly one of the supported datatypes")


def _members(kind: str, given: list[Any]) -> list[Any]:
    if not given:
        raise RefusedError(f"One or more parameter values were invalid: An {_SET_WORDS[kind]} may not be empty")
    read = {"SS": _text, "NS": number_text, "BS": _binary}[kind]
    members = [read(one) for one in given]
    if len(set(members)) < len(members):
        told = ", ".join(str(one) for one in given)
        raise RefusedError(f"One or more parameter values were invalid: Input collection [{told}] contains duplicates.")
    return sorted(members, key=Decimal if kind == "NS" else None)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unreadable(
            "NUMBER_VALUE cannot be converted to String" if isinstance(value, int) else "Unexpected field type"
        )
    return value


def _binary(value: Any) -> bytes:
    if not isinstance(value, bytes | bytearray):
        raise _unreadable("Unexpected value type in payload")
    return bytes(value)


def _unreadable(message: str) -> RefusedError:
    return RefusedError(message, "SerializationException")


@lru_cache(10_000)
def number(text: str) -> Decimal:
    """Raises: RefusedError: no number that DynamoDB keeps exactly."""
    try:
        plain = _NUMBERS.create_decimal(text)
    except (Inexact, Rounded):
        raise RefusedError("Attempting to store more than 38 significant digits in a Number") from None
    except Overflow:
        raise RefusedError(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        ) from None
    except (Underflow, InvalidOperation):
        raise RefusedError(f"A value provided cannot be converted into a number: {text}") from None
    if not plain.is_finite():
        raise RefusedError(f"A value provided cannot be converted into a number: {text}")
    return plain


def number_text(text: Any) -> str:
    """As DynamoDB gives it back: without zeros that say nothing, and without an exponent."""
    if not isinstance(text, str):
        raise _unreadable("NUMBER_VALUE cannot be converted to String")
    return _shortest(number(text))


def _shortest(value: Decimal) -> str:
    written = format(value, "f")
    if "." in written:
        written = written.rstrip("0").rstrip(".")
    return "0" if written in ("-0", "") else written


def added(one: Value, other: Value, sign: int = 1) -> Value:
    """The sum of two numbers. Raises: RefusedError."""
    try:
        return {"N": _shortest(_NUMBERS.add(number(one["N"]), sign * number(other["N"])))}
    except (Inexact, Rounded):
        raise RefusedError(
            "Number overflow. Attempting to store a number with magnitude larger than supported range"
        ) from None


def copied(value: Value) -> Value:
    """What the caller may change."""
    [(kind, inner)] = value.items()
    if kind == "M":
        return {"M": {name: copied(one) for name, one in inner.items()}}
    if kind == "L":
        return {"L": [copied(one) for one in inner]}
    return {kind: list(inner)} if kind in SETS else {kind: inner}


def copied_item(item: Mapping[str, Value]) -> Item:
    return {name: copied(value) for name, value in item.items()}


def rank(value: Value) -> Any:
    """By which two values of one of the ordered types are compared: strings by their bytes in UTF-8, which is the order
    of their code points."""
    [(kind, inner)] = value.items()
    return number(inner) if kind == "N" else inner


def ordered(value: Value) -> bool:
    return type_of(value) in ("S", "N", "B")


def size_of_item(item: Mapping[str, Value]) -> int:
    """In bytes, as "Item sizes and formats" has it."""
    return sum(_bytes(name) + size_of(value) for name, value in item.items())


def size_of(value: Value) -> int:
    [(kind, inner)] = value.items()
    if kind == "S":
        return _bytes(inner)
    if kind == "N":
        return _number_bytes(inner)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "B":
        return len(inner)
    if kind == "M":
        return 3 + sum(1 + _bytes(name) + size_of(one) for name, one in inner.items())
    if kind == "L":
        return 3 + sum(1 + size_of(one) for one in inner)
    return sum(size_of({SETS[kind]: one}) for one in inner)


def _bytes(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="surrogatepass"))


def _number_bytes(text: str) -> int:
    digits = text.replace(".", "").lstrip("-0").rstrip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def demand_key(name: str, value: Value | None, kind: str, *, is_hash: bool) -> None:
    """Raises: RefusedError: a key of an item that was put cannot be that."""
    if value is None:
        raise RefusedError(f"One or more parameter values were invalid: Missing the key {name} in the item")
    if type_of(value) != kind:
        told = f"Type mismatch for key {name} expected: {kind} actual: {type_of(value)}"
        raise RefusedError(f"One or more parameter values were invalid: {told}")
    demand_key_size(name, value, is_hash=is_hash)


def demand_key_size(name: str, value: Value, *, is_hash: bool) -> None:
    """Raises: RefusedError: an empty key, or one too long."""
    if value in ({"S": ""}, {"B": b""}):
        what = "an empty string value" if "S" in value else "an empty binary value"
        told = f"The AttributeValue for a key attribute cannot contain {what}. Key: {name}"
        raise RefusedError(f"One or more parameter values are not valid. {told}")
    if is_hash and size_of(value) > _HASH_KEY_BYTES:
        told = f"Size of hashkey has exceeded the maximum size limit of{_HASH_KEY_BYTES} bytes"
        raise RefusedError(f"One or more parameter values were invalid: {told}")
    if not is_hash and size_of(value) > _RANGE_KEY_BYTES:
        told = f"Aggregated size of all range keys has exceeded the size limit of {_RANGE_KEY_BYTES} bytes"
        raise RefusedError(f"One or more parameter values were invalid: {told}")
