"""Audience rules over profiles, made of a few safe parts: no query language, no code.

Rule.model_validate({"all": [{"attribute": "locale", "op": "equals", "value": "ru"}]})
"""

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator, model_validator

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.operators import NOTHING, OPERATORS, Activity, Doing, RuleMoment, check_value, is_read
from chalicelib.errors import Phrase
from chalicelib.locales import lookup, speaks
from chalicelib.profiles.model import known_timezone
from chalicelib.schemas import StrictModel
from chalicelib.storage.users import Profile
from chalicelib.text import normal_json, one_line, shaped

MAX_DEPTH = 8
MAX_PARTS = 100
MAX_CAMPAIGNS = 3  # each costs reads for every user who is looked at
_PROFILE_FIELDS = frozenset({"id", "email", "phone", "name", "locale", "timezone", "email_confirmed"})
# What is stored of these has one form, and so has what it is compared with.
_SPELLED: Mapping[str, Callable[[Any], Any]] = {
    "email": lambda value: same_address_key("email", value) if isinstance(value, str) else value,
    "phone": lambda value: same_address_key("sms", value) if isinstance(value, str) else value,
    "name": lambda value: one_line(value) if isinstance(value, str) else value,
    "timezone": lambda value: known_timezone(value) if isinstance(value, str) else value,
}
if TYPE_CHECKING:
    Op = str
else:
    Op = Literal[tuple(OPERATORS)]


class Rule(StrictModel):
    """One of three: `{attribute, op, value}`, `{all|any: [rule, …]}`, `{not: rule}`.

    `attribute` is a field of the profile (`locale`), or a path into its attributes (`plan`, `stats.films`). What is
    there and cannot be compared does not match, and previews report it."""

    model_config = ConfigDict(populate_by_name=True)

    attribute: Annotated[
        str | None,
        shaped(
            r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,5}$",
            Phrase("expected the name of an attribute, such as plan or stats.films"),
        ),
    ] = None
    op: Annotated[
        Op | None, Field(description="; ".join(f"`{name}`: {one.tells}" for name, one in OPERATORS.items()))
    ] = None
    value: JsonValue = None
    all: Annotated[tuple["Rule", ...] | None, Field(min_length=1, max_length=50)] = None
    any: Annotated[tuple["Rule", ...] | None, Field(min_length=1, max_length=50)] = None
    negated: Annotated["Rule | None", Field(alias="not")] = None

    @field_validator("value")
    @classmethod
    def _as_profiles_have_it(cls, value: JsonValue, info: ValidationInfo) -> JsonValue:
        spelled = _SPELLED.get(info.data.get("attribute") or "", normal_json)
        normal: JsonValue = [spelled(one) for one in value] if isinstance(value, list) else spelled(value)
        return normal

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        kinds = [self.attribute or self.op, self.all, self.any, self.negated]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError(Phrase("expected exactly one of: attribute with op, all, any, not"))
        if self.attribute is not None or self.op is not None:
            if self.attribute is None or self.op is None:
                raise ValueError(Phrase("expected attribute and op together"))
            check_value(self.op, self.value)
        elif self.value is not None:
            raise ValueError(Phrase("value belongs to an attribute and its op"))
        if len(self.campaigns) > MAX_CAMPAIGNS:
            raise ValueError(Phrase("expected the letters of at most {most} campaigns", most=MAX_CAMPAIGNS))
        if self._depth() > MAX_DEPTH or self._parts() > MAX_PARTS:
            raise ValueError(
                Phrase("expected at most {depth} levels and {parts} parts", depth=MAX_DEPTH, parts=MAX_PARTS)
            )
        return self

    @property
    def doings(self) -> dict[Doing, int]:
        """What it asks of the ledger, with the most days that matter."""
        own = self._doing
        found = {own: int(self.value)} if own and isinstance(self.value, int) else {}
        for rule in self._inner():
            for doing, days in rule.doings.items():
                found[doing] = max(days, found.get(doing, 0))
        return found

    @property
    def campaigns(self) -> frozenset[str]:
        """The campaigns whose letters it asks about."""
        return frozenset(one.of for one in self.doings if one.activity is not Activity.LETTER)

    @property
    def _doing(self) -> Doing | None:
        activity = OPERATORS[self.op].activity if self.op else None
        return Doing(activity, self.attribute) if activity and self.attribute else None

    def matches(self, profile: Profile, at: RuleMoment) -> bool:
        """Whether the profile matches; never fails, whatever the profile holds."""
        if self.all is not None:
            return all(rule.matches(profile, at) for rule in self.all)
        if self.any is not None:
            return any(rule.matches(profile, at) for rule in self.any)
        if self.negated is not None:
            return not self.negated.matches(profile, at)
        operator = OPERATORS[self.op or "exists"]
        if self._doing is not None:
            return operator.matches(at.activity.get(self._doing), self.value, at)
        found = _find(profile, self.attribute or "")
        if self.attribute == "locale" and isinstance(found, str):
            return _of_language(self.op or "exists", found, self.value, at)
        return operator.matches(found, self.value, at)

    def unread(self, profile: Profile, at: RuleMoment) -> Iterator[tuple[str, Any]]:
        """The attributes, with their values, that a part of the rule uses but cannot compare: a date in another format
        (`28.11.1990`), text where a number is expected. Such a part does not match (`not_equals` does), and nobody
        would notice."""
        for rule in self._inner():
            yield from rule.unread(profile, at)
        if self.attribute is not None and self._doing is None:
            found = _find(profile, self.attribute)
            if found is not NOTHING and not is_read(self.op or "exists", found, self.value, at):
                yield self.attribute, found

    def _inner(self) -> tuple["Rule", ...]:
        return (self.all or ()) + (self.any or ()) + ((self.negated,) if self.negated else ())

    def _depth(self) -> int:
        return 1 + max((rule._depth() for rule in self._inner()), default=0)

    def _parts(self) -> int:
        return 1 + sum(rule._parts() for rule in self._inner())


def _find(profile: Profile, path: str) -> Any:
    first, *rest = path.split(".")
    if first in _PROFILE_FIELDS and not rest:
        found: Any = getattr(profile, first)
    else:
        found = profile.attributes
        for name in rest if first == "attributes" and rest else (first, *rest):
            found = found.get(name) if isinstance(found, Mapping) else None
    return NOTHING if found is None else found


def _of_language(op: str, found: str, value: Any, at: RuleMoment) -> bool:
    """The languages of a rule in any spelling; `en` matches `en-GB` too."""
    operator = OPERATORS[op]
    if operator.language is None:
        return operator.matches(found, value, at)
    wanted = [lookup(one)[0] for one in (value if isinstance(value, list) else [value]) if isinstance(one, str)]
    return any(speaks(found, one) for one in wanted) is operator.language
