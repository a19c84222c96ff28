"""The operators of audience rules. OPERATORS declares each: what it takes, when it matches, and its description for the
API. The check of its value, the schema, the form's row and what previews cannot read follow; its label is in
`audience.ops` of `templates/admin/words/`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple

from pydantic import JsonValue

from chalicelib.errors import Phrase

NOTHING = object()  # the profile has no such attribute; null in a profile counts as that too
MAX_VALUES = 1000
_MOST_DAYS_AGO = 40_000


class RuleMoment(NamedTuple):
    """When a rule is applied: the instant, and the recipient's calendar day. `before` is the day of the run a day
    earlier, if there is one: if the clocks of campaign and recipient change on different days, a day may occur twice or
    not at all. `activity`: when the recipient last did what a rule asks about (`Doing`)."""

    now: datetime
    today: date
    before: date | None = None
    activity: Mapping["Doing", datetime] = {}

    @property
    def days(self) -> Sequence[date]:
        """The days that this run is for: today unless yesterday's run covered it, and any day left out in between."""
        if self.before is None:
            return (self.today,)
        return [self.before + timedelta(days=n + 1) for n in range((self.today - self.before).days)]


class Activity(StrEnum):
    """What the ledger knows of a user's letters."""

    OPENED = "opened"  # a letter of a campaign, or clicked in it
    CLICKED = "clicked"  # in a letter of a campaign
    GOT = "got"  # a letter of a campaign: the provider took it, and it did not come back
    LETTER = "letter"  # likewise, of any campaign or service, in a category


class Doing(NamedTuple):
    """An activity, and with what: a campaign's id, or a category of letters (`ANY_LETTER`: every one)."""

    activity: Activity
    of: str


ANY_LETTER = "any"


class Takes(StrEnum):
    """What kind of value an operator compares with."""

    SCALAR = "scalar"  # a text, a number, a boolean
    LIST = "list"  # of scalars
    ORDERED = "ordered"  # a number, a date, or {"days_ago": n}
    FLAG = "flag"  # true, false or nothing
    DAYS = "days"  # a whole number of days, or nothing
    PERIOD = "period"  # a whole number of days, at least 1


class Operator(NamedTuple):
    """`matches` gets the profile's value, the rule's value and the moment. `tells` describes it to API callers.
    `language`: for `locale`, whether it matches the languages of the value (True), all others (False), or is treated
    like any other attribute (None). `activity`: the attribute is not in the profile but names what was done with, and
    the value found is when it was done last."""

    takes: Takes
    matches: Callable[[Any, Any, RuleMoment], bool]
    tells: str
    language: bool | None = None
    activity: Activity | None = None


def check_value(op: str, value: JsonValue) -> None:
    """Raises: ValueError (permanent) for a value that the operator does not take."""
    match OPERATORS[op].takes:
        case Takes.SCALAR if not isinstance(value, str | int | float | bool):
            raise ValueError(Phrase("value: {op} compares with a string, a number or a boolean", op=op))
        case Takes.LIST if not (isinstance(value, list) and 0 < len(value) <= MAX_VALUES):
            raise ValueError(Phrase("value: {op} takes a list of 1 to {most} values", op=op, most=MAX_VALUES))
        case Takes.ORDERED if not (is_number(value) or moment_of(value) or _is_days_ago(value)):
            raise ValueError(Phrase('value: {op} compares with a number, a date, or {{"days_ago": n}}', op=op))
        case Takes.FLAG if not (value is None or isinstance(value, bool)):
            raise ValueError(Phrase("value: {op} takes true, false or nothing", op=op))
        case Takes.DAYS if not (value is None or (is_number(value) and isinstance(value, int) and abs(value) < 366)):
            raise ValueError(Phrase("value: {op} takes a whole number of days, or nothing", op=op))
        case Takes.PERIOD if not (is_number(value) and isinstance(value, int) and 0 < value < 366):
            raise ValueError(Phrase("value: {op} takes a whole number of days, 1 to 365", op=op))


def is_read(op: str, found: Any, value: Any, at: RuleMoment) -> bool:
    """Whether the operator can compare what the profile holds."""
    match OPERATORS[op].takes:
        case Takes.DAYS:
            return moment_of(found) is not None
        case Takes.ORDERED:
            return _ordered(found, value, at) is not None
        case Takes.FLAG | Takes.PERIOD:
            return True
        case _:
            return any(_kind(found) is _kind(one) for one in (value if isinstance(value, list) else [value]))


def is_number(value: Any) -> bool:
    """A boolean is none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def moment_of(value: Any) -> datetime | None:
    """A date, or a date with a time (RFC 3339); UTC without an offset. `--03-08` is a day without a year."""
    if not isinstance(value, str):
        return None
    try:
        moment = datetime.fromisoformat(f"2000{value[1:]}" if value.startswith("--") else value)
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _is_days_ago(value: Any) -> bool:
    if not isinstance(value, dict) or set(value) != {"days_ago"}:
        return False
    return is_number(value["days_ago"]) and bool(abs(value["days_ago"]) < _MOST_DAYS_AGO)


def _kind(value: Any) -> type:
    return float if is_number(value) else type(value)


def _same(found: Any, wanted: Any) -> bool:
    # In Python True equals 1; in a profile it does not.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


def _ordered(found: Any, wanted: Any, at: RuleMoment) -> tuple[Any, Any] | None:
    """Both as numbers or both as moments; None if they cannot be compared."""
    if isinstance(wanted, Mapping):
        wanted = (at.now - timedelta(days=wanted["days_ago"])).isoformat()
    if is_number(found) and is_number(wanted):
        return found, wanted
    left, right = moment_of(found), moment_of(wanted)
    return None if left is None or right is None else (left, right)


def _before(found: Any, value: Any, at: RuleMoment) -> bool:
    pair = _ordered(found, value, at)
    return pair is not None and pair[0] < pair[1]


def _after(found: Any, value: Any, at: RuleMoment) -> bool:
    pair = _ordered(found, value, at)
    return pair is not None and pair[0] > pair[1]


def _anniversary(found: Any, value: Any, at: RuleMoment) -> bool:
    moment = moment_of(found)
    return moment is not None and any(_comes_round(moment, day + timedelta(days=value or 0)) for day in at.days)


def _done_within(found: Any, value: Any, at: RuleMoment) -> bool:
    return isinstance(found, datetime) and found >= at.now - timedelta(days=value)


def _comes_round(moment: datetime, day: date) -> bool:
    if (moment.month, moment.day) == (day.month, day.day):
        return True
    # Birthdays on 29 February are greeted on the 28th in other years.
    leap = day.year % 4 == 0 and (day.year % 100 != 0 or day.year % 400 == 0)
    return (moment.month, moment.day) == (2, 29) and (day.month, day.day) == (2, 28) and not leap


OPERATORS: Mapping[str, Operator] = {
    "equals": Operator(
        Takes.SCALAR, lambda found, value, _: _same(found, value), "`locale` equals a language and its variants", True
    ),
    "not_equals": Operator(
        Takes.SCALAR, lambda found, value, _: not _same(found, value), "what is absent matches it alone", False
    ),
    "in": Operator(
        Takes.LIST, lambda found, value, _: any(_same(found, one) for one in value), "one of a list of values", True
    ),
    "before": Operator(Takes.ORDERED, _before, 'numbers or dates; the value may be `{"days_ago": n}`'),
    "after": Operator(Takes.ORDERED, _after, "likewise"),
    "exists": Operator(
        Takes.FLAG, lambda found, value, _: (found is not NOTHING) is (value is not False), "value false: is absent"
    ),
    "anniversary": Operator(
        Takes.DAYS, _anniversary, "the day of the year of a date; value: so many days before it, 0 where left out"
    ),
    **{
        f"{activity}_{what}": Operator(Takes.PERIOD, _done_within, tells, activity=activity)
        for activity, what, tells in (
            (
                Activity.OPENED,
                "campaign",
                "the attribute is a campaign's id; value: opened, or clicked in, within so many days before the run",
            ),
            (Activity.CLICKED, "campaign", "likewise: clicked in it"),
            (Activity.GOT, "campaign", "likewise: a letter of it came"),
        )
    },
    "got_letter": Operator(
        Takes.PERIOD,
        _done_within,
        f"the attribute is a category of letters, or `{ANY_LETTER}`; value: one came within so many days",
        activity=Activity.LETTER,
    ),
}
