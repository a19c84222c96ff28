"""Reads DynamoDB's expressions, by recursive descent; a text is read once."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, NamedTuple, TypeVar

from tests.twin.conditions import (
    COMPARED,
    FUNCTIONS,
    All,
    AnyOf,
    Between,
    Compared,
    Condition,
    Equal,
    Exists,
    In,
    Not,
)
from tests.twin.operands import Given, IfNotExists, Joined, Operand, Place, Size, Sum
from tests.twin.values import RefusedError

_TOKEN = re.compile(r"\s*(?:(<>|<=|>=|[=<>(),.+\-\[\]]|[#:]?\w+)|(\S))")
_NAME = re.compile(r"#\w+|[A-Za-z_]\w*")
_SECTIONS = ("SET", "REMOVE", "ADD", "DELETE")
_MOST_IN = 100
_T = TypeVar("_T")


class Change(NamedTuple):
    """One clause of an update; `operand` is None of REMOVE."""

    section: str
    place: Place
    operand: Operand | None


class Read(NamedTuple):
    """What an expression says, and the `#names` and `:values` and the places that it speaks of."""

    said: Any
    used: frozenset[str]
    places: tuple[Place, ...]


class _SyntaxError(Exception):
    pass


def read(what: str, text: str) -> Read:
    """A Condition, the Changes of an `UpdateExpression` or the Places of a `ProjectionExpression`. Raises:
    RefusedError."""
    if not text.strip():
        raise RefusedError(f"Invalid {what}: The expression can not be empty;")
    how: Callable[[_Reader], Any] = {"UpdateExpression": _changes, "ProjectionExpression": _places}.get(what, _any)
    try:
        return _read(how, text)
    except _SyntaxError as error:
        raise RefusedError(f"Invalid {what}: {error}") from None


@lru_cache(10_000)
def _read(how: Callable[["_Reader"], Any], text: str) -> Read:
    reader = _Reader(_tokens(text))
    said = how(reader)
    if reader.next != _END:
        raise reader.wrong()
    return Read(said, frozenset(reader.used), tuple(reader.places))


_END = "<EOF>"


def _tokens(text: str) -> list[str]:
    tokens = []
    for token, other in _TOKEN.findall(text):
        if other:
            raise _SyntaxError(f'Syntax error; token: "{other}", near: "{other}"')
        tokens.append(token)
    return [*tokens, _END]


@dataclass
class _Reader:
    tokens: list[str]
    at: int = 0
    used: set[str] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)

    @property
    def next(self) -> str:
        return self.tokens[self.at]

    @property
    def calls(self) -> bool:
        """Whether a function stands here."""
        return self.tokens[self.at + 1 : self.at + 2] == ["("]

    def take(self) -> str:
        self.at += 1
        return self.tokens[self.at - 1]

    def took(self, *words: str) -> str:
        """The next token, if it is one of these, in any case; else "", and it stays."""
        word = self.next.upper()
        if word not in words:
            return ""
        self.at += 1
        return word

    def demand(self, word: str) -> None:
        if not self.took(word):
            raise self.wrong()

    def wrong(self) -> _SyntaxError:
        near = " ".join(self.tokens[max(0, self.at - 1) : self.at + 2]).removesuffix(f" {_END}")
        return _SyntaxError(f'Syntax error; token: "{self.next}", near: "{near}"')

    def listed(self, one: Callable[["_Reader"], _T]) -> tuple[_T, ...]:
        found = [one(self)]
        while self.took(","):
            found.append(one(self))
        return tuple(found)


def _place(reader: _Reader) -> Place:
    steps: list[str | int] = [_name(reader)]
    while mark := reader.took(".", "["):
        if mark == ".":
            steps.append(_name(reader))
        elif reader.next.isdigit():
            steps.append(int(reader.take()))
            reader.demand("]")
        else:
            raise reader.wrong()
    place = Place(tuple(steps))
    reader.places.append(place)
    return place


def _name(reader: _Reader) -> str:
    if not _NAME.fullmatch(reader.next) or reader.next == _END:
        raise reader.wrong()
    token = reader.take()
    if token.startswith("#"):
        reader.used.add(token)
    return token


def _given(reader: _Reader) -> Given:
    if not reader.next.startswith(":"):
        raise reader.wrong()
    reader.used.add(reader.next)
    return Given(reader.take())


# Updates and projections


def _places(reader: _Reader) -> tuple[Place, ...]:
    return reader.listed(_place)


def _changes(reader: _Reader) -> tuple[Change, ...]:
    changes: list[Change] = []
    seen = set()
    while section := reader.took(*_SECTIONS):
        if section in seen:
            raise _SyntaxError(f'The "{section}" section can only be used once in an update expression;')
        seen.add(section)
        changes += reader.listed({"SET": _set, "REMOVE": _remove}.get(section, _of_section(section)))
    if not changes:
        raise reader.wrong()
    return tuple(changes)


def _set(reader: _Reader) -> Change:
    place = _place(reader)
    reader.demand("=")
    return Change("SET", place, _sum(reader))


def _remove(reader: _Reader) -> Change:
    return Change("REMOVE", _place(reader), None)


def _of_section(section: str) -> Callable[[_Reader], Change]:
    return lambda reader: Change(section, _place(reader), _given(reader))


def _sum(reader: _Reader) -> Operand:
    left = _term(reader)
    operator = reader.took("+", "-")
    return Sum(left, operator, _term(reader)) if operator else left


def _term(reader: _Reader) -> Operand:
    if reader.next.startswith(":"):
        return _given(reader)
    if reader.took("("):
        inner = _sum(reader)
        reader.demand(")")
        return inner
    if not reader.calls:
        return _place(reader)
    name = reader.take()
    if name not in ("if_not_exists", "list_append"):
        raise _SyntaxError(f"Invalid function name; function: {name}")
    reader.demand("(")
    first = _place(reader) if name == "if_not_exists" else _term(reader)
    reader.demand(",")
    second = _term(reader)
    reader.demand(")")
    return IfNotExists(first, second) if isinstance(first, Place) and name == "if_not_exists" else Joined(first, second)


# Conditions


def _any(reader: _Reader) -> Condition:
    found = [_all(reader)]
    while reader.took("OR"):
        found.append(_all(reader))
    return AnyOf(tuple(found)) if len(found) > 1 else found[0]


def _all(reader: _Reader) -> Condition:
    found = [_one(reader)]
    while reader.took("AND"):
        found.append(_one(reader))
    return All(tuple(found)) if len(found) > 1 else found[0]


def _one(reader: _Reader) -> Condition:
    if reader.took("NOT"):
        return Not(_one(reader))
    if reader.took("("):
        inner = _any(reader)
        reader.demand(")")
        return inner
    if reader.calls and reader.next != "size":
        return _function(reader)
    return _comparison(reader)


def _comparison(reader: _Reader) -> Condition:
    left = _operand(reader)
    operator = reader.took("BETWEEN", "IN", "=", "<>", *COMPARED)
    if operator in ("=", "<>"):
        return Equal(left, operator, _operand(reader))
    if operator in COMPARED:
        return Compared(left, operator, _operand(reader))
    if operator == "BETWEEN":
        low = _operand(reader)
        reader.demand("AND")
        return Between(left, low, _operand(reader))
    if not operator:
        raise reader.wrong()
    reader.demand("(")
    among = reader.listed(_operand)
    reader.demand(")")
    if len(among) > _MOST_IN:
        told = f"operator or function: IN, number of operands: {len(among)}"
        raise _SyntaxError(f"Too many operands for operator or function; {told}")
    return In(left, among)


def _operand(reader: _Reader) -> Operand:
    if reader.next.startswith(":"):
        return _given(reader)
    if not reader.calls:
        return _place(reader)
    if not reader.took("SIZE"):
        raise _SyntaxError(f"Invalid function name; function: {reader.next}")
    reader.demand("(")
    size = Size(_operand(reader))
    reader.demand(")")
    return size


def _function(reader: _Reader) -> Condition:
    name = reader.take()
    reader.demand("(")
    if name in ("attribute_exists", "attribute_not_exists"):
        condition: Condition = Exists(_place(reader), name == "attribute_exists")
    elif name in FUNCTIONS:
        place = _place(reader)
        reader.demand(",")
        condition = FUNCTIONS[name](place, _operand(reader))
    else:
        raise _SyntaxError(f"Invalid function name; function: {name}")
    reader.demand(")")
    return condition
