"""The filters and tests that a letter may use: a short list, each bounded.

Jinja2's filters that can make much of little (`center`, `indent`, `format`, `batch` of a billion) are left out, as are
those that reach into objects or past the escaping (`attr`, `safe`).
"""

from collections.abc import Callable, Iterable, Mapping
from functools import wraps
from typing import Any
from urllib.parse import quote

from jinja2 import pass_eval_context
from jinja2.filters import FILTERS as STOCK_FILTERS
from jinja2.nodes import EvalContext
from jinja2.tests import TESTS as STOCK_TESTS
from markupsafe import Markup, escape

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason
from chalicelib.rendering import localized_filters as speech
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering.calendar import escaped, utc_time
from chalicelib.rendering.localized_filters import MAX_DIGITS, require_scalar
from chalicelib.rendering.render_limits import MAX_ITEMS, counted, weighed
from chalicelib.rendering.untrusted_text import greeting_name, isolated

MAX_NUMBER_CHARS = 400  # the largest number of JSON, written out


def join(context: EvalContext, values: Iterable[object], separator: str = "", attribute: str | None = None) -> str:
    """Jinja2's `join`, of scalars only, escaped in HTML; `~` uses it too."""
    getter = context.environment.getitem
    items = [_piece(getter(one, attribute) if attribute else one) for one in counted(values)]
    between = str(_piece(separator))
    if context.autoescape:
        escaped = [escape(one) for one in items]
        edge = escape(between)
        budget.current().make(sum(map(len, escaped)) + len(edge) * len(escaped))
        return edge.join(escaped)
    texts = [str(one) for one in items]
    budget.current().make(sum(map(len, texts)) + len(between) * len(texts))
    return between.join(texts)


def _piece(value: object) -> object:
    # Each separately: what one reverses ends where it ends.
    scalar = require_scalar(value)
    return isolated(scalar) if isinstance(scalar, str) else scalar


def _escape(value: object) -> Markup:
    return escape(_piece(value))


def _replace(text: str, old: str, new: str) -> str:
    subject = text if isinstance(text, Markup) else str(text)
    old, new = str(old), str(new)
    budget.current().make(len(subject) + subject.count(old) * len(new) * 6)
    return subject.replace(old, new)


def _round(value: float, precision: int = 0) -> float:
    return round(value, min(int(precision), MAX_DIGITS)) if precision > 0 else round(value)


def _batch(values: Iterable[object], size: int, fill: object = None) -> list[list[object]]:
    if not 1 <= int(size) <= MAX_ITEMS:
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("batch: a size from 1 to {most} is expected", most=MAX_ITEMS))
    items = list(counted(values))
    rows = [items[start : start + size] for start in range(0, len(items), size)]
    if rows and fill is not None:
        rows[-1] += [fill] * (size - len(rows[-1]))
    return list(weighed(rows))


def _urlencode(value: object) -> str:
    return quote(str(require_scalar(value)), safe="")


def _string(value: object) -> str:
    scalar = require_scalar(value)
    return scalar if isinstance(scalar, str) else str(scalar)


def _short(value: object) -> str:
    """`{{ url|short }}`: the short link that counts this reader's visits; in a preview the URL itself."""
    return budget.current().shorten(str(require_scalar(value)))


def _name(value: object) -> str:
    """`{{ friend|name }}`: what a stranger calls themselves, if it can be a name; otherwise nothing."""
    return greeting_name(value) or ""


def _sum(values: Iterable[float], attribute: str | None = None) -> float:
    numbers = [one[attribute] if attribute and isinstance(one, Mapping) else one for one in counted(values)]
    if not all(isinstance(one, int | float) for one in numbers):
        raise RenderError(Reason.TEMPLATE_ERROR, Phrase("sum: numbers are expected"))
    total: float = sum(numbers)
    return total


def _guarded(stock: Callable[..., Any]) -> Callable[..., Any]:
    """A filter or test whose work is linear in its input: its result is charged."""

    @wraps(stock)  # keeps the mark that tells Jinja2 which argument to pass first
    def guarded(*args: Any, **kwargs: Any) -> Any:
        result = stock(*args, **kwargs)
        budget.current().make(len(result)) if isinstance(result, str) else budget.current().step()
        return result

    return guarded


def _listing(stock: Callable[..., Any]) -> Callable[..., Any]:
    """A Jinja2 filter that walks a list: each item is a step."""

    @wraps(stock)
    def listing(*args: Any, **kwargs: Any) -> Any:
        at = 1 if hasattr(stock, "jinja_pass_arg") else 0
        return counted(stock(*args[:at], counted(args[at]), *args[at + 1 :], **kwargs))

    return listing


def _number_of(stock: Callable[..., Any]) -> Callable[..., Any]:
    """Jinja2's `int` and `float`, bounded: reading a long string of digits takes more than linear time, and no
    operator's limits cover the result."""

    @wraps(stock)
    def number_of(value: Any, *args: Any, **kwargs: Any) -> Any:
        if isinstance(value, str) and len(value) > MAX_NUMBER_CHARS:
            raise RenderError(Reason.TOO_LARGE, Phrase("a number of over {most} characters", most=MAX_NUMBER_CHARS))
        return stock(value, *args, **kwargs)

    return _guarded(number_of)


_TEXT = "abs capitalize d default lower title trim truncate upper first last length count"
_LISTS = "items list map max min reject rejectattr reverse select selectattr sort unique"

FILTERS: Mapping[str, Callable[..., Any]] = {
    **{name: _guarded(STOCK_FILTERS[name]) for name in _TEXT.split()},
    **{name: _listing(STOCK_FILTERS[name]) for name in _LISTS.split()},
    "batch": _batch,
    "date": _guarded(speech.date),
    "e": _guarded(_escape),
    "escape": _guarded(_escape),
    "float": _number_of(STOCK_FILTERS["float"]),
    "ics": _guarded(lambda value: escaped(require_scalar(value))),
    "ics_time": _guarded(lambda value: utc_time(require_scalar(value))),
    "int": _number_of(STOCK_FILTERS["int"]),
    "join": pass_eval_context(join),
    "money": _guarded(speech.money),
    "name": _guarded(_name),
    "number": _guarded(speech.number),
    "plural": _guarded(speech.plural),
    "replace": _replace,
    "round": _guarded(_round),
    "short": _guarded(_short),
    "string": _guarded(_string),
    "sum": _sum,
    "time": _guarded(speech.time),
    "urlencode": _guarded(_urlencode),
}

_STOCK_TESTS: Mapping[str, Any] = STOCK_TESTS
_TEST_NAMES = (
    "boolean defined divisibleby eq equalto even false float ge greaterthan gt in integer iterable le lessthan lower "
    "lt mapping ne none number odd sequence string true undefined upper"
)
TESTS: Mapping[str, Callable[..., Any]] = {name: _guarded(_STOCK_TESTS[name]) for name in _TEST_NAMES.split()}
