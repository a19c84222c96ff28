"""The one normal form of text. Everything that comes in (calls, forms, files, settings, templates) passes through here,
so that what is stored, compared and sent does not depend on the keyboard, the browser or the system it was written on.

What is decided, for every kind of character:

* line ends: CR LF, CR, vertical tab, form feed, U+001C to U+001F, U+0085, U+2028 and U+2029 are one `\\n`;
* letters: Unicode NFC, so that the `й` of a Mac's file name is the `й` of a keyboard;
* control characters (C0 and C1, except tab and line end) and U+FEFF, a byte order mark wherever it is: dropped. They
  show as nothing, break XML and mail headers, and nobody types them;
* outer white space, with the zero-width space and the word joiner: cut off; a text of nothing that is seen is empty;
* joiners (U+200C, U+200D: Persian, emoji), marks and isolates of direction (U+200E, U+200F, U+061C, U+2066 to U+2069):
  kept. In one line the older embeddings and overrides (U+202A to U+202E) are dropped: they turn round all that follows;
  what one person says to another in the chat is refused for them, and its isolates are closed where it ends;
* no-break spaces: kept inside a line, as a number such as `1 000` is written with one.
"""

import json
import re
from collections.abc import Callable
from math import isinf
from typing import Annotated, Any
from unicodedata import normalize

from pydantic import AfterValidator, BeforeValidator, Field

from chalicelib.errors import Phrase

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1f\x85\u2028\u2029]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\ufeff]")
_TURNS = re.compile("[\u202a-\u202e]")
_OUTER = (
    "\t\n \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u200b\u2060"
)
# What Unicode calls "default ignorable", a stable property: unassigned code points in these ranges stay ignorable.
_IGNORABLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN_SIGNS = re.compile(f"[{_IGNORABLE}]")
_SEEN = re.compile(f"[^\\s{_IGNORABLE}\u2800\U0001d159]")  # nor is a blank of Braille, or a note without a head
_LAST_TWO = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
# Controls, lone surrogates, noncharacters, what reverses the rest of a line, and annotations. Nothing is
# listed because the running Python does not know it yet.
_WILD = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u206a-\u206f\ufdd0-\ufdef\ufff9-\ufffb"
    f"{_LAST_TWO}]"
)
_OPENING, _CLOSING = "\u2066\u2067\u2068", "\u2069"  # of isolates
_MAX_DIGITS = 15  # so short that JavaScript holds it exactly too
_REPEATED = Phrase("a name is repeated in an object")
_GAP = re.compile(r"(?![\xa0\u2007\u202f](?!\s))\s+")  # a no-break space on its own is dropped


def without_ignorables(text: str) -> str:
    """The visible part: joiners, direction marks, selectors, tags, soft hyphens and fillers are dropped."""
    return _UNSEEN_SIGNS.sub("", text)


def is_blank(text: str) -> bool:
    """Whether nothing in it is visible, however many characters it has."""
    return _SEEN.search(text) is None


def is_tame(text: str) -> bool:
    """Whether it can be shown next to other people's text: no control characters, no noncharacters, nothing that
    reverses what follows."""
    return _WILD.search(text) is None


def with_closed_isolates(line: str) -> str:
    """The line with all its direction isolates closed and none closed that it has not opened."""
    kept, depth = [], 0
    for character in line:
        depth += character in _OPENING
        if character == _CLOSING:
            if depth == 0:
                continue
            depth -= 1
        kept.append(character)
    return "".join(kept) + _CLOSING * depth


def normal_source(text: str) -> str:
    """A whole file, such as a template's source: as `normal_text`, but outer white space is kept."""
    return normalize("NFC", _UNSEEN.sub("", _LINE_ENDS.sub("\n", text)))


def normal_text(text: str) -> str:
    """Text of any number of lines in normal form; idempotent."""
    normal = normal_source(text).strip(_OUTER)
    return "" if is_blank(normal) else normal


def one_line(text: str) -> str:
    """Text of one line, such as a name or a subject: any run of white space, line ends included, becomes one space."""
    line = _GAP.sub(" ", normal_source(_TURNS.sub("", text))).strip(_OUTER)
    return "" if is_blank(line) else line


def normal_json(value: Any, levels: int = 100) -> Any:
    """JSON with every string in normal form, member names too; nothing deeper than `levels` is accepted. Raises:
    ValueError: two names of an object have the same normal form, so either value could be meant."""
    if isinstance(value, str):
        return normal_text(value)
    if levels and isinstance(value, dict):
        members = {normal_text(name): normal_json(one, levels - 1) for name, one in value.items()}
        if len(members) < len(value):
            raise ValueError(_REPEATED)
        return members
    if levels and isinstance(value, list | tuple):
        return [normal_json(one, levels - 1) for one in value]
    return value


def strict_json(text: str) -> Any:
    """Strict JSON (RFC 8259, RFC 7493): no NaN, no number too large for a double, no repeated names, no lone surrogate.
    Any encoder can write again what was read. Raises: ValueError (says what is wrong)."""
    try:
        content = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        if "\\ud" in text.lower():  # only an escape can hold a lone surrogate, which cannot be encoded
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError(Phrase("half of a surrogate pair is not a character")) from error
    except RecursionError as error:
        raise ValueError(Phrase("it is nested too deeply")) from error
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(_REPEATED)
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(Phrase("{kind} is not JSON", kind=name))


def _finite(number: str) -> float:
    if isinf(value := float(number)):
        raise ValueError(Phrase("a number is too large"))
    return value


def _whole(number: str) -> int:
    _finite(number)
    return int(number)


def whole_number(text: str) -> int:
    """The number in a form field of digits. Raises: ValueError (says what is expected)."""
    if not (text.isdecimal() and len(text) <= _MAX_DIGITS):  # `isdigit` also accepts `²`, which `int` cannot read
        raise ValueError(Phrase("expected a whole number"))
    return int(text)


def _of_text(change: Callable[[str], str]) -> BeforeValidator:
    # Before length and pattern are checked; anything but text is left for pydantic to reject.
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


Text = Annotated[str, _of_text(normal_text)]
Line = Annotated[str, _of_text(one_line)]
Source = Annotated[str, _of_text(normal_source)]
JsonObject = Annotated[dict[str, Any], AfterValidator(normal_json)]


EXPECTED: dict[str, Phrase] = {}  # what each pattern means, in words


def shaped(pattern: str, expected: Phrase, **more: Any) -> Any:
    """A pydantic field of text that matches `pattern`; whoever writes another one is told what is `expected`, and never
    sees the pattern."""
    EXPECTED[pattern] = expected
    return Field(pattern=pattern, **more)
