"""What a context may be made of: what JSON can say, within bounds. Workers check content with it, without pydantic."""

import json

from chalicelib.errors import InvalidError, Phrase, TooLargeError

MAX_DEPTH = 10
MAX_CONTEXT_BYTES = 128 * 1024


def check_plain(context: object) -> None:
    """Raises: InvalidError, TooLargeError (permanent): not JSON, too deep or too large."""
    _check_level(context, "context", depth=0)
    check_size(context, "context")


def check_size(value: object, field: str) -> None:
    """Raises: TooLargeError (permanent): more than a letter's jobs have room for."""
    if len(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()) > MAX_CONTEXT_BYTES:
        raise TooLargeError.of(field, Phrase("over {size} bytes of JSON", size=MAX_CONTEXT_BYTES))


def _check_level(value: object, path: str, *, depth: int) -> None:
    if depth > MAX_DEPTH:
        raise TooLargeError.of("context", Phrase("deeper than {depth} levels", depth=MAX_DEPTH))
    match value:
        case None | str() | int() | float():
            return
        case list():
            for index, item in enumerate(value):
                _check_level(item, f"{path}[{index}]", depth=depth + 1)
        case dict():
            for name, item in value.items():
                if not isinstance(name, str):
                    raise InvalidError.of(path, Phrase("names must be text"))
                _check_level(item, f"{path}.{name}", depth=depth + 1)
        case _:
            raise InvalidError.of(path, Phrase("{kind} is not JSON", kind=type(value).__name__))
