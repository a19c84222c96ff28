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

from pydantic import AfterValidator, BeforeValidator

_LINE_ENDS = re.compile("\r\n|[\r\v\f\x1c-\x1f\x85\u2028\u2029]")
_UNSEEN = re.compile("[\x00-\x08\x0e-\x1b\x7f-\x9f\ufeff]")
_TURNS = re.compile("[\u202a-\u202e]")
_OUTER = (
    "\t\n \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000\u200b\u2060"
)
# What Unicode calls "default ignorable", for good: what it has not given out yet, among these, will be ignorable too.
_IGNORABLE = (
    "\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f"
    "\ufeff\uffa0\ufff0-\ufff8\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
_UNSEEN_SIGNS = re.compile(f"[{_IGNORABLE}]")
_SEEN = re.compile(f"[^\\s{_IGNORABLE}\u2800\U0001d159]")  # nor is a blank of Braille, or a note without a head
_LAST_TWO = "".join(f"{chr(plane + 0xFFFE)}{chr(plane + 0xFFFF)}" for plane in range(0, 0x110000, 0x10000))
# Controls, halves of surrogate pairs, noncharacters, what turns the rest of a line round, and annotations. Nothing is
# here because the running Python does not know it yet.
_WILD = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\ud800-\udfff\u202a-\u202e\u206a-\u206f\ufdd0-\ufdef\ufff9-\ufffb"
    f"{_LAST_TWO}]"
)
_OPENING, _CLOSING = "\u2066\u2067\u2068", "\u2069"  # of isolates
_MAX_DIGITS = 15  # a number of so many is one of JavaScript, too
_REPEATED = "a name is repeated in an object"
_GAP = re.compile(r"(?![\xa0\u2007\u202f](?!\s))\s+")  # a no-break space that stands alone is none


def without_ignorables(text: str) -> str:
    """What is seen of it: joiners, marks of direction, selectors, tags, soft hyphens and fillers are dropped."""
    return _UNSEEN_SIGNS.sub("", text)


def is_blank(text: str) -> bool:
    """Whether there is nothing in it to see, however many characters that takes."""
    return _SEEN.search(text) is None


def is_tame(text: str) -> bool:
    """Whether it can be shown to others beside their own text: nothing in it is a control, no character at all, or
    turns round what follows."""
    return _WILD.search(text) is None


def with_closed_isolates(line: str) -> str:
    """The line with every isolate of direction closed in it, and none that it has not opened."""
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
    """A whole file, such as a template's source: as `normal_text`, except that outer white space is kept."""
    return normalize("NFC", _UNSEEN.sub("", _LINE_ENDS.sub("\n", text)))


def normal_text(text: str) -> str:
    """Text of any number of lines in its normal form; a second time changes nothing."""
    normal = normal_source(text).strip(_OUTER)
    return "" if is_blank(normal) else normal


def one_line(text: str) -> str:
    """Text that is one line, such as a name or a subject: white space of any kind and length, line ends among it,
    becomes one space."""
    line = _GAP.sub(" ", normal_source(_TURNS.sub("", text))).strip(_OUTER)
    return "" if is_blank(line) else line


def normal_json(value: Any, levels: int = 100) -> Any:
    """JSON with every string in its normal form, names of members too; what is deeper than `levels` nobody accepts.
    Raises: ValueError: two names of an object have one normal form, and either value may be meant."""
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
    """Strict JSON (RFC 8259, RFC 7493): no NaN, no number too large for a double, no repeated names, no half of a
    surrogate pair. What is read can be written again by any encoder. Raises: ValueError (says what is wrong)."""
    try:
        content = json.loads(
            text,
            object_pairs_hook=_unique,
            parse_constant=_no_constant,
            parse_float=_finite,
            parse_int=_whole,
        )
        if "\\ud" in text.lower():  # only an escape can hold half of a pair, and it cannot be encoded
            json.dumps(content, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("half of a surrogate pair is not a character") from error
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return content


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        raise ValueError(_REPEATED)
    return content


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _finite(number: str) -> float:
    if isinf(value := float(number)):
        raise ValueError("a number is too large")
    return value


def _whole(number: str) -> int:
    _finite(number)
    return int(number)


def whole_number(text: str) -> int:
    """What a form's field of digits says. Raises: ValueError (says what is expected)."""
    if not (text.isdecimal() and len(text) <= _MAX_DIGITS):  # `isdigit` also takes `²`, of which `int` makes nothing
        raise ValueError("expected a whole number")
    return int(text)


def _of_text(change: Callable[[str], str]) -> BeforeValidator:
    # Before the length and the pattern are looked at; what is no text is left for pydantic to refuse.
    return BeforeValidator(lambda value: change(value) if isinstance(value, str) else value)


Text = Annotated[str, _of_text(normal_text)]
Line = Annotated[str, _of_text(one_line)]
Source = Annotated[str, _of_text(normal_source)]
JsonObject = Annotated[dict[str, Any], AfterValidator(normal_json)]
