"""Whatever is raised while a template is read, checked or rendered is the template's fault, for that one letter and
permanently. There is no list of exceptions: a filter, a macro or a parser can raise anything on one recipient's data,
and that must not stop the other letters of a batch. It is reported by part and line, with the path of what was missing
(ADR 0060)."""

from collections.abc import Hashable, Iterator, Mapping, Set
from contextlib import contextmanager
from types import CodeType, TracebackType
from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, UndefinedError
from jinja2.exceptions import SecurityError
from jinja2.utils import missing

from chalicelib.errors import Phrase, RenderError, UnavailableError
from chalicelib.reasons import Reason, ReasonFamily
from chalicelib.rendering import render_limits as budget

OF_THE_LAYOUT = -1  # the line of code that the author did not write
_LONGEST_SAYING = 300
_MOST_VISITED = 10_000


class UndefinedNameError(UndefinedError):
    """A name or field that the letter's context lacks; the message is its path."""


class NamedUndefined(StrictUndefined):
    """Knows the path by which the template reached for it: `films[0].title`."""

    __slots__ = ()

    def __init__(
        self, hint: str | None = None, obj: Any = missing, name: str | None = None, exc: type[Any] = UndefinedError
    ) -> None:
        super().__init__(hint, obj, name, UndefinedNameError if hint is None else exc)

    @property
    def _undefined_message(self) -> str:
        if self._undefined_hint:
            return self._undefined_hint
        if self._undefined_obj is missing:
            return str(self._undefined_name)
        purse = budget.current()
        said = frozenset(_constants(purse.code)) if purse.code else frozenset()
        return _path_of(self._undefined_obj, self._undefined_name, names=purse.names, said=said)


@contextmanager
def blaming(part: str) -> Iterator[None]:
    """Raises: RenderError (permanent) with `part` and the template's line, whatever was raised inside. UnavailableError
    passes: a link may be shortened with a key of ours. MemoryError does not: a machine out of memory kills a Lambda
    function, so Python raises it only for what no machine could hold."""
    try:
        yield
    except UnavailableError:
        raise
    except Exception as error:
        if isinstance(error, RenderError) and error.part is not None:
            raise
        reason, said, line = _told(error)
        raise RenderError(reason, said, part=part, line=line or _line_of(error)) from error


def _told(error: Exception) -> tuple[str, Phrase, int | None]:
    match error:
        case RenderError():
            return error.reason, error.said, _written(error.line or 0)
        case TemplateSyntaxError():
            return Reason.SYNTAX, _quoted(error.message or ""), _written(error.lineno)
        case UndefinedNameError():
            return ReasonFamily.UNDEFINED(error.message), Phrase("undefined variable: {name}", name=error.message), None
        case SecurityError():
            return Reason.FORBIDDEN, _quoted(str(error)), None
        case RecursionError():
            return Reason.TOO_LARGE, Phrase("it is nested too deeply, or calls itself without end"), None
        case _:
            return Reason.TEMPLATE_ERROR, _quoted(f"{type(error).__name__}: {error}"), None


def _quoted(text: str) -> Phrase:
    """What Jinja2 or Python says, in English alone."""
    return Phrase("{why}", why=text[:_LONGEST_SAYING])


def _line_of(error: Exception) -> int | None:
    """The author's line that was running: the innermost one, since a macro of the layout is called from it."""
    line, trace = None, error.__traceback__
    while trace is not None:
        line = _line_at(trace) or line
        trace = trace.tb_next
    return line


def _line_at(trace: TracebackType) -> int | None:
    template = trace.tb_frame.f_globals.get("__jinja_template__")  # Jinja2 leaves it there for its own tracebacks
    return _written(template.get_corresponding_lineno(trace.tb_lineno)) if template is not None else None


def _written(line: int) -> int | None:
    return line if line > 0 else None


def _constants(code: CodeType) -> Iterator[object]:
    """All constants of a template, from the code that Jinja2 made of it."""
    for one in code.co_consts:
        match one:
            case CodeType():
                yield from _constants(one)
            case tuple():
                yield from one
            case _:
                yield one


def _path_of(owner: object, name: object, *, names: Mapping[str, object], said: Set[object]) -> str:
    """`films[0].title`: the path from the letter's names to the object `owner`, then the missing `name`. The ledger and
    the logs quote it, so only names that the template itself has `said` appear in it: others are somebody's data."""
    return f"{_way_to(owner, names, said)}{_step(name, said)}".removeprefix(".")[:120]


def _way_to(owner: object, names: Mapping[str, object], said: Set[object]) -> str:
    pending: list[tuple[str, object]] = [("", names)]
    for _ in range(_MOST_VISITED):
        if not pending:
            break
        way, value = pending.pop()
        if value is owner:
            return way
        if isinstance(value, Mapping):
            pending.extend((f"{way}{_step(name, said)}", inner) for name, inner in [*value.items()][::-1])
        elif isinstance(value, list | tuple):
            pending.extend((f"{way}[{index}]", inner) for index, inner in enumerate(value))
    return f"({type(owner).__name__})"


def _step(name: object, said: Set[object]) -> str:
    if not isinstance(name, Hashable) or name not in said:
        return "[…]"
    return f".{name}" if isinstance(name, str) else f"[{name!r}]"
