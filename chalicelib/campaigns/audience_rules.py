"""Who is meant: a rule over profiles, made of a few safe parts: no query language, no code.

Rule.model_validate({"all": [{"attribute": "locale", "op": "equals", "value": "ru"}]})
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Any, Literal, NamedTuple, Self

from pydantic import ConfigDict, Field, JsonValue, ValidationInfo, field_validator, model_validator

from chalicelib.addresses import same_address_key
from chalicelib.errors import Phrase
from chalicelib.locales import lookup, speaks
from chalicelib.profiles.model import known_timezone
from chalicelib.schemas import StrictModel
from chalicelib.storage.users import Profile
from chalicelib.text import normal_json, one_line

MAX_DEPTH = 8
MAX_PARTS = 100
_PROFILE_FIELDS = frozenset({"id", "email", "phone", "name", "locale", "timezone", "email_confirmed"})
# What is stored of these has one form, and so has what it is compared with.
_SPELLED: Mapping[str, Callable[[Any], Any]] = {
    "email": lambda value: same_address_key("email", value) if isinstance(value, str) else value,
    "phone": lambda value: same_address_key("sms", value) if isinstance(value, str) else value,
    "name": lambda value: one_line(value) if isinstance(value, str) else value,
    "timezone": lambda value: known_timezone(value) if isinstance(value, str) else value,
}
_NOTHING = object()  # no such attribute; null in a profile counts as that too

Op = Literal["equals", "not_equals", "in", "before", "after", "exists", "anniversary"]


class RuleMoment(NamedTuple):
    """When a rule is asked: the instant, and the calendar day of the recipient. `before` is that of the run a day ago,
    if there is one: where the clocks of campaign and recipient change apart, a day may come twice or not at all."""

    now: datetime
    today: date
    before: date | None = None

    @property
    def days(self) -> Sequence[date]:
        """Those that this run is for: today, but for what was yesterday's, and with what would be nobody's."""
        if self.before is None:
            return (self.today,)
        return [self.before + timedelta(days=n + 1) for n in range((self.today - self.before).days)]


class Rule(StrictModel):
    """One of three: `{attribute, op, value}`, `{all|any: [rule, …]}`, `{not: rule}`.

    `attribute` is a field of the profile (`locale`), or a path into its attributes (`plan`, `stats.films`). `before`
    and `after` compare numbers, or dates; their value may be `{"days_ago": n}`. `anniversary` is true on the day of the
    year of a date (value: so many days before it, 0 where left out). What is absent fulfils `not_equals` alone; what
    is there and cannot be compared is told by previews. `locale` equals a language and its kinds: `en` is `en-GB`."""

    model_config = ConfigDict(populate_by_name=True)

    attribute: Annotated[str | None, Field(pattern=r"^[A-Za-z0-9_-]{1,64}(\.[A-Za-z0-9_-]{1,64}){0,5}$")] = None
    op: Op | None = None
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
            _check_value(self.op, self.value)
        elif self.value is not None:
            raise ValueError(Phrase("value belongs to an attribute and its op"))
        if self._depth() > MAX_DEPTH or self._parts() > MAX_PARTS:
            raise ValueError(
                Phrase("expected at most {depth} levels and {parts} parts", depth=MAX_DEPTH, parts=MAX_PARTS)
            )
        return self

    def matches(self, profile: Profile, at: RuleMoment) -> bool:
        """Whether the profile is meant; never fails, whatever the profile holds."""
        if self.all is not None:
            return all(rule.matches(profile, at) for rule in self.all)
        if self.any is not None:
            return any(rule.matches(profile, at) for rule in self.any)
        if self.negated is not None:
            return not self.negated.matches(profile, at)
        found = _find(profile, self.attribute or "")
        if self.attribute == "locale" and isinstance(found, str):
            return _of_language(self.op or "exists", found, self.value, at)
        return _OPS[self.op or "exists"](found, self.value, at)

    def unread(self, profile: Profile, at: RuleMoment) -> Iterator[tuple[str, Any]]:
        """The attributes, with what the profile holds there, that a part of the rule asks for and cannot compare: a
        date that is none to it (`28.11.1990`), a text for a number. Such a part is not fulfilled, or fulfils
        `not_equals`, and nobody would notice."""
        for rule in self._inner():
            yield from rule.unread(profile, at)
        if self.attribute is not None:
            found = _find(profile, self.attribute)
            if found is not _NOTHING and not _is_read(self.op or "exists", found, self.value, at):
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
    return _NOTHING if found is None else found


def _same(found: Any, wanted: Any) -> bool:
    # In Python true equals 1; in a profile it does not.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _ordered(found: Any, wanted: Any, at: RuleMoment) -> tuple[Any, Any] | None:
    """Both as numbers or both as moments; None where they cannot be compared."""
    if isinstance(wanted, Mapping):
        wanted = (at.now - timedelta(days=wanted["days_ago"])).isoformat()
    if _is_number(found) and _is_number(wanted):
        return found, wanted
    left, right = _moment(found), _moment(wanted)
    return None if left is None or right is None else (left, right)


def _is_read(op: Op, found: Any, value: Any, at: RuleMoment) -> bool:
    if op == "anniversary":
        return _moment(found) is not None
    if op in ("before", "after"):
        return _ordered(found, value, at) is not None
    return op == "exists" or any(_kind(found) is _kind(one) for one in (value if op == "in" else [value]))


def _kind(value: Any) -> type:
    return float if _is_number(value) else type(value)


def _of_language(op: Op, found: str, value: Any, at: RuleMoment) -> bool:
    """The languages of a rule in any spelling; `en` is said of `en-GB` too."""
    wanted = [lookup(one)[0] for one in (value if op == "in" else [value]) if isinstance(one, str)]
    if op in ("equals", "in"):
        return any(speaks(found, one) for one in wanted)
    return not any(speaks(found, one) for one in wanted) if op == "not_equals" else _OPS[op](found, value, at)


def _before(found: Any, value: Any, at: RuleMoment) -> bool:
    pair = _ordered(found, value, at)
    return pair is not None and pair[0] < pair[1]


def _after(found: Any, value: Any, at: RuleMoment) -> bool:
    pair = _ordered(found, value, at)
    return pair is not None and pair[0] > pair[1]


def _anniversary(found: Any, value: Any, at: RuleMoment) -> bool:
    moment = _moment(found)
    return moment is not None and any(_comes_round(moment, day + timedelta(days=value or 0)) for day in at.days)


def _comes_round(moment: datetime, day: date) -> bool:
    if (moment.month, moment.day) == (day.month, day.day):
        return True
    # Who was born on 29 February is greeted on the 28th of a year that has no such day.
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    return (moment.month, moment.day) == (2, 29) and (day.month, day.day) == (2, 28) and not leap


_OPS: Mapping[str, Callable[[Any, Any, RuleMoment], bool]] = {
    "equals": lambda found, value, _: _same(found, value),
    "not_equals": lambda found, value, _: not _same(found, value),
    "in": lambda found, value, _: any(_same(found, one) for one in value),
    "before": _before,
    "after": _after,
    "exists": lambda found, value, _: (found is not _NOTHING) is (value is not False),
    "anniversary": _anniversary,
}


def _check_value(op: Op, value: JsonValue) -> None:
    scalar = isinstance(value, str | int | float | bool)
    if op in ("equals", "not_equals") and not scalar:
        raise ValueError(Phrase("value: {op} compares with a text, a number or a boolean", op=op))
    if op == "in" and not (isinstance(value, list) and 0 < len(value) <= 1000):
        raise ValueError(Phrase("value: in takes a list of 1 to 1000 values"))
    if op in ("before", "after") and not (_is_number(value) or _moment(value) or _is_days_ago(value)):
        raise ValueError(Phrase('value: {op} compares with a number, a date, or {{"days_ago": n}}', op=op))
    if op == "exists" and not (value is None or isinstance(value, bool)):
        raise ValueError(Phrase("value: exists takes true, false or nothing"))
    if op == "anniversary" and not (
        value is None or (_is_number(value) and isinstance(value, int) and abs(value) < 366)
    ):
        raise ValueError(Phrase("value: anniversary takes a whole number of days, or nothing"))


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_days_ago(value: Any) -> bool:
    return (
        isinstance(value, dict)
        and set(value) == {"days_ago"}
        and _is_number(value["days_ago"])
        and abs(value["days_ago"]) < 40_000
    )


def _moment(value: Any) -> datetime | None:
    """A date or a date with a time (RFC 3339); without an offset it is UTC. `--03-08` is a day without a year."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(f"2000{value[1:]}" if value.startswith("--") else value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
