"""What a caller has seen of a thing before changing it. The API sends a tag as `ETag` and takes it back as `If-Match`
(RFC 9110 §13.1.1), a page carries it in its form, and a write compares it with the current state.

A tag is a digest of the whole and a short one of each field, so it can say which fields differ without a copy of the
old state.
"""

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Self

from chalicelib.errors import ChangedError, FieldError, InvalidError, Phrase

IF_MATCH = "If-Match"
_WHOLE, _PART = 32, 8  # hexadecimal digits: the whole must be collision-proof, a field's digest only informs
_TAG = r'(W/)?"([\x21\x23-\x7e]*)"'
_TAGS = re.compile(rf"{_TAG}([ \t]*,[ \t]*{_TAG})*")
MAX_CHARACTERS = 4096

Fields = Mapping[str, Any]  # of a thing, as JSON


def tag_of(fields: Fields) -> str:
    """The same fields have the same tag, on every machine and after every restart."""
    parts = "".join(_digest(fields[name])[:_PART] for name in sorted(fields))
    return f"{_digest(fields)[:_WHOLE]}-{parts}"


def etag(tag: str) -> str:
    """A tag in the form of a header."""
    return f'"{tag}"'


class Seen(NamedTuple):
    """The tags a caller has seen; `any_state` matches whatever exists."""

    tags: tuple[str, ...]
    any_state: bool = False

    @classmethod
    def of(cls, header: str) -> Self:
        """Parses `If-Match`. Raises: InvalidError (permanent)."""
        text = header.strip(" \t")
        if text == "*":
            return cls((), any_state=True)
        if len(text) > MAX_CHARACTERS or _TAGS.fullmatch(text) is None:
            raise InvalidError.of(IF_MATCH, Phrase('expected * or the ETag of what was read, such as "0a1b"'))
        # A weak tag never matches here (RFC 9110 §13.1.1).
        return cls(tuple(tag for weak, tag in re.findall(_TAG, text) if not weak))

    def require(self, now: Fields | None, *, what: Phrase) -> None:
        """Passes if this is what was seen; `None` means that the thing does not exist. Raises: ChangedError
        (permanent)."""
        if now is None:
            raise ChangedError(Phrase("{what} no longer exists", what=what))
        tag = tag_of(now)
        if self.any_state or tag in self.tags:
            return
        differs = [FieldError(name, Phrase("it was changed since it was read")) for name in self.differing(now)]
        names = ", ".join(one.field for one in differs)
        detail = Phrase("{what} was changed since it was read", what=what)
        if names:
            detail = Phrase("{what}: {names}", what=detail, names=names)
        raise ChangedError(detail, differs=differs, tag=tag)

    def differing(self, now: Fields) -> Iterable[str]:
        """The fields that have changed since; empty if the tag cannot tell."""
        names = sorted(now)
        seen = next((tag.partition("-")[2] for tag in self.tags), "")
        if len(seen) != _PART * len(names):
            return ()
        parts = [seen[n : n + _PART] for n in range(0, len(seen), _PART)]
        return [name for name, part in zip(names, parts, strict=True) if part != _digest(now[name])[:_PART]]


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
