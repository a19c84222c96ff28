"""The days of a schedule: `friday`, 15, `last`, or several of them.

Names are read in the languages of the pages, in any case; what is stored and answered is English, each once, in the
order of the calendar; a single day is no list."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationInfo, WrapValidator

from chalicelib.errors import Phrase
from chalicelib.text import one_line

WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LAST = "last"
LAST_SURE_DAY = 28  # every month has it
MONTH: Sequence[int | str] = (*range(1, LAST_SURE_DAY + 1), LAST)

Day = (
    Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
    | Annotated[int, Field(ge=1, le=LAST_SURE_DAY)]
    | Literal["last"]
)


def read_days(given: object, info: ValidationInfo) -> Any:
    """In normal form. Raises: ValueError (says what is expected)."""
    every = info.data.get("every")
    if given is None or given in ([], (), ""):
        if every in ("week", "month"):
            raise ValueError(_expected(every))
        return None
    if every == "day":
        raise ValueError(Phrase("a daily schedule takes no day"))
    known = WEEK if every == "week" else MONTH if every == "month" else (*WEEK, *MONTH)
    days = {_day(one) for one in (given if isinstance(given, list | tuple | set) else [given])}
    if not days.issubset(known):
        raise ValueError(_expected(every))
    found = tuple(one for one in known if one in days)
    return found[0] if len(found) == 1 else found


On = Annotated[
    Day | tuple[Day, ...] | None,
    WrapValidator(lambda given, _, info: read_days(given, info)),
    Field(
        validate_default=True,
        description="of a week: the name of a day, such as `friday`, or several; of a month: 1 to 28, or `last`, or "
        "several",
        examples=["friday", ["monday", "friday"]],
    ),
]


def _expected(every: str | None) -> Phrase:
    if every == "week":
        return Phrase("expected one or more days of the week, such as friday")
    month = Phrase("expected one or more days of the month, 1 to {last}, or last", last=LAST_SURE_DAY)
    return month if every == "month" else Phrase("expected a day of the week or of the month, such as friday or 15")


def _day(given: object) -> object:
    if isinstance(given, int) and not isinstance(given, bool):
        return given
    if not isinstance(given, str):
        return None
    text = one_line(given).casefold().rstrip(".")
    if text.isdecimal() and len(text) < 3:
        return int(text)
    return text if text in WEEK or text == LAST else _named().get(text)


@cache
def _named() -> Mapping[str, str]:
    """Days by the names that people give them; Russian ones also as «в среду»."""
    from babel import Locale  # here: hardly any call spells a day in another way

    found = {"последний": LAST, "последний день": LAST, "last day": LAST}
    for locale in ("en", "ru"):
        for names in Locale.parse(locale).days["format"].values():
            for n, name in names.items():
                spelled = name.casefold().rstrip(".")
                found |= {spelled: WEEK[n]} if len(spelled) > 1 else {}
                found |= {f"{spelled[:-1]}у": WEEK[n]} if spelled.endswith("а") else {}
    return found
