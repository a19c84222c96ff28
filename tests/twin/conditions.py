"""DynamoDB's conditions: of writes, of filters and of keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import ge, gt, le, lt
from types import MappingProxyType
from typing import Protocol

from tests.twin.operands import Given, Operand, Place, Scope
from tests.twin.values import SETS, Item, Value, ordered, rank, type_of

COMPARED = MappingProxyType({"<": lt, "<=": le, ">": gt, ">=": ge})


class Condition(Protocol):
    """Something that holds for an item, or does not."""

    def holds(self, item: Item, scope: Scope) -> bool: ...


@dataclass(frozen=True)
class All:
    conditions: tuple[Condition, ...]

    def holds(self, item: Item, scope: Scope) -> bool:
        return all(one.holds(item, scope) for one in self.conditions)  # what is wrong in one is told of each


@dataclass(frozen=True)
class AnyOf:
    conditions: tuple[Condition, ...]

    def holds(self, item: Item, scope: Scope) -> bool:
        return any(one.holds(item, scope) for one in self.conditions)


@dataclass(frozen=True)
class Not:
    condition: Condition

    def holds(self, item: Item, scope: Scope) -> bool:
        return not self.condition.holds(item, scope)


@dataclass(frozen=True)
class Equal:
    """Or, with `<>`, not: so is what is not there."""

    left: Operand
    operator: str
    right: Operand

    def holds(self, item: Item, scope: Scope) -> bool:
        return _equal(self.left.value(item, scope), self.right.value(item, scope)) is (self.operator == "=")


@dataclass(frozen=True)
class Compared:
    left: Operand
    operator: str
    right: Operand

    def holds(self, item: Item, scope: Scope) -> bool:
        one, other = self.left.value(item, scope), self.right.value(item, scope)
        for operand, value in ((self.left, one), (self.right, other)):
            if isinstance(operand, Given) and value is not None and not ordered(value):
                raise scope.operand_refusal(self.operator, value)
        if one is None or other is None or type_of(one) != type_of(other) or not ordered(one):
            return False
        return bool(COMPARED[self.operator](rank(one), rank(other)))


@dataclass(frozen=True)
class Between:
    tested: Operand
    low: Operand
    high: Operand

    def holds(self, item: Item, scope: Scope) -> bool:
        if isinstance(self.low, Given) and isinstance(self.high, Given):
            _demand_order(self.low.value(item, scope), self.high.value(item, scope), scope)
        least = Compared(self.tested, ">=", self.low).holds(item, scope)
        return Compared(self.tested, "<=", self.high).holds(item, scope) and least


def _demand_order(low: Value, high: Value, scope: Scope) -> None:
    if type_of(low) != type_of(high):
        what = "The BETWEEN operator requires same data type for lower and upper bounds"
    elif ordered(low) and rank(low) > rank(high):
        what = "The BETWEEN operator requires upper bound to be greater than or equal to lower bound"
    else:
        return
    told = f"lower bound operand: AttributeValue: {_told(low)}, upper bound operand: AttributeValue: {_told(high)}"
    raise scope.refusal(f"{what}; {told}")


def _told(value: Value) -> str:
    [(kind, inner)] = value.items()
    return f"{{{kind}:{inner}}}"


@dataclass(frozen=True)
class In:
    tested: Operand
    among: tuple[Operand, ...]

    def holds(self, item: Item, scope: Scope) -> bool:
        value = self.tested.value(item, scope)
        return any(_equal(value, one.value(item, scope)) for one in self.among)


@dataclass(frozen=True)
class Exists:
    place: Place
    wanted: bool

    def holds(self, item: Item, scope: Scope) -> bool:
        return (self.place.value(item, scope) is not None) is self.wanted


@dataclass(frozen=True)
class OfType:
    place: Place
    kind: Operand

    def holds(self, item: Item, scope: Scope) -> bool:
        value, kind = self.place.value(item, scope), self.kind.value(item, scope)
        if kind is None or "S" not in kind:
            raise scope.operand_refusal("attribute_type", kind or {"NULL": True})
        return value is not None and type_of(value) == kind["S"]


@dataclass(frozen=True)
class BeginsWith:
    place: Place
    start: Operand

    def holds(self, item: Item, scope: Scope) -> bool:
        whole, start = self.place.value(item, scope), self.start.value(item, scope)
        if isinstance(self.start, Given) and start is not None and type_of(start) not in ("S", "B"):
            raise scope.operand_refusal("begins_with", start)
        if whole is None or start is None or type_of(whole) != type_of(start) or type_of(whole) not in ("S", "B"):
            return False
        return bool(whole[type_of(whole)].startswith(start[type_of(start)]))


@dataclass(frozen=True)
class Contains:
    place: Place
    part: Operand

    def holds(self, item: Item, scope: Scope) -> bool:
        value, part = self.place.value(item, scope), self.part.value(item, scope)
        if value is None or part is None:
            return False
        [(kind, inner)] = value.items()
        if kind == "L":
            return part in inner
        of = SETS.get(kind, kind)
        return of in ("S", "N", "B") and kind != "N" and type_of(part) == of and part[of] in inner


def _equal(one: Value | None, other: Value | None) -> bool:
    return one is not None and one == other


FUNCTIONS: Mapping[str, type[OfType | BeginsWith | Contains]] = MappingProxyType(
    {"attribute_type": OfType, "begins_with": BeginsWith, "contains": Contains}
)
