"""Names what a template reached for and did not find. Called by `sandbox.py` once a rendering has already failed."""

from collections.abc import Mapping

MAX_VISITED = 10_000


def path_of(owner: object, name: object, *, names: Mapping[str, object]) -> str:
    """`films[0].title`: the way from the letter's names to the very object `owner`, then the missing `name`."""
    return f"{_way_to(owner, names)}{_step(name)}"[:120]


def _way_to(owner: object, names: Mapping[str, object]) -> str:
    pending: list[tuple[str, object]] = list(names.items())[::-1]
    for _ in range(MAX_VISITED):
        if not pending:
            break
        way, value = pending.pop()
        if value is owner:
            return way
        if isinstance(value, Mapping):
            pending.extend((f"{way}.{name}", inner) for name, inner in value.items())
        elif isinstance(value, list | tuple):
            pending.extend((f"{way}[{index}]", inner) for index, inner in enumerate(value))
    return f"({type(owner).__name__})"


def _step(name: object) -> str:
    return f".{name}" if isinstance(name, str) else f"[{name!r}]"
