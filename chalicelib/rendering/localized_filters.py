"""The filters that speak the letter's language: numbers, money, counted nouns, dates in the reader's time zone."""

from datetime import UTC, datetime
from datetime import date as day
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from jinja2 import pass_context
from jinja2.runtime import Context, Undefined

from chalicelib.errors import Phrase, RenderError, phrase_of
from chalicelib.reasons import Reason
from chalicelib.rendering import localized_format

SCALARS = (str, int, float, bool, day, type(None))
MAX_DIGITS = 12


def require_scalar(value: object) -> object:
    """A list or an object is not text: printing one is a mistake, and a nested one can be enormous."""
    if isinstance(value, Undefined):
        # `{{ x if y }}` without `else` gives a plain Undefined, which is empty; a missing variable raises its name.
        return str(value)
    if not isinstance(value, SCALARS):
        raise RenderError(
            Reason.TEMPLATE_ERROR,
            Phrase("a {kind} cannot be printed; print its fields or use `join`", kind=type(value).__name__),
        )
    return value


def _locale(context: Context) -> str:
    return str(context.get("locale") or "en")


@pass_context
def number(context: Context, value: float, digits: int | None = None) -> str:
    """`{{ 1234|number }}`"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        require_scalar(value)
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("number: a number is expected"))
    return localized_format.number(
        value, locale=_locale(context), digits=None if digits is None else min(digits, MAX_DIGITS)
    )


@pass_context
def plural(context: Context, count: float, *forms: str) -> str:
    """`{{ n|plural("film", "films") }}`"""
    if isinstance(count, Undefined) or not isinstance(count, int | float):
        require_scalar(count)
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("plural: a number is expected"))
    try:
        return localized_format.plural(count, forms, locale=_locale(context))
    except ValueError as error:
        raise RenderError(Reason.TEMPLATE_ERROR, phrase_of(error)) from error


@pass_context
def money(context: Context, value: float, currency: str) -> str:
    """`{{ price|money("RUB") }}`"""
    if isinstance(value, bool) or not isinstance(value, int | float):
        require_scalar(value)
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("money: a number is expected"))
    try:
        return localized_format.money(value, str(currency), locale=_locale(context))
    except ValueError as error:
        raise RenderError(Reason.TEMPLATE_ERROR, phrase_of(error)) from error


@pass_context
def date(context: Context, value: object, form: str = "long") -> str:
    """`{{ day|date }}` with its year, `{{ day|date("short") }}` without."""
    forms = {"long": localized_format.long_date, "short": localized_format.short_date}
    if form not in forms:
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("date: `long` or `short` is expected"))
    return forms[form](_moment(context, value), locale=_locale(context))


@pass_context
def time(context: Context, value: object) -> str:
    """`{{ starts_at|time }}`"""
    return f"{_moment(context, value):%H:%M}"


def _moment(context: Context, value: object) -> datetime:
    """The moment in the reader's time zone; a date without a time is the same day everywhere."""
    if isinstance(value, datetime):
        moment = value
    else:
        try:
            moment = datetime.fromisoformat(str(require_scalar(value)))
        except ValueError as error:
            raise RenderError(Reason.TEMPLATE_ERROR, Phrase("date: an RFC 3339 date is expected")) from error
    if moment.tzinfo is None:
        return moment
    name = (context.get("user") or {}).get("timezone")
    try:
        return moment.astimezone(ZoneInfo(name) if isinstance(name, str) else UTC)
    except (ZoneInfoNotFoundError, ValueError, OSError):  # OSError: `America` is a folder of the tz database
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("date: a year from 2 to 9998 is expected")) from error
