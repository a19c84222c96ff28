"""Where an error was raised, without its message, which may quote a letter, an address or anything else that somebody
sent. Class names and code lines quote nothing."""

from collections.abc import Iterator
from pathlib import PurePath
from traceback import walk_tb

_OURS = ("app", "chalicelib", "functions")
_MOST_LINES = 20  # of each end, per error: a recursion would fill the log
_MOST_CAUSES = 5


def name_of(error: BaseException) -> str:
    """The error's class, with AWS's code if there is one."""
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code") if isinstance(response, dict) else None
    return f"{type(error).__name__}({code})" if isinstance(code, str) else type(error).__name__


def lines_of(error: BaseException) -> list[str]:
    """`file:line function` of each call in our code and of the innermost elsewhere, outermost first; then the same for
    each cause, under `caused by` and its name."""
    lines = _cut(list(_own_lines(error)))
    for cause in _causes(error):
        lines += [f"caused by {name_of(cause)}", *_cut(list(_own_lines(cause)))]
    return lines


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen = {id(error)}
    for _ in range(_MOST_CAUSES):
        cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        if cause is None or id(cause) in seen:
            return
        seen.add(id(cause))
        yield cause
        error = cause


def _own_lines(error: BaseException) -> Iterator[str]:
    frames = list(walk_tb(error.__traceback__))
    for n, (frame, line) in enumerate(frames, start=1):
        module = str(frame.f_globals.get("__name__", ""))
        if module.partition(".")[0] in _OURS:
            yield f"{module.replace('.', '/')}.py:{line} {frame.f_code.co_name}"
        elif n == len(frames):
            yield f"{'/'.join(PurePath(frame.f_code.co_filename).parts[-3:])}:{line} {frame.f_code.co_name}"


def _cut(lines: list[str]) -> list[str]:
    if len(lines) <= 2 * _MOST_LINES:
        return lines
    return [*lines[:_MOST_LINES], "…", *lines[-_MOST_LINES:]]
