"""Strangers' words in a letter that its reader trusts: whom a letter greets, and how right-to-left text is kept from
reordering what stands beside it.

Whoever registers chooses a name, and an address that may be anybody's: a "name" that is an offer with a link would make
the service its messenger. So a name is greeted only if it can be one; otherwise the letter greets without it (ADR
0061).
"""

import re
from functools import lru_cache
from itertools import groupby
from unicodedata import category, normalize

from markupsafe import Markup

from chalicelib.text import is_blank, one_line

MAX_NAME_CHARS = 64
_MAX_DIGITS = 6  # an age or a year, but no telephone number
_NUMBER = re.compile(r"\b\d{3,}\b|\d[.]\d")  # a sum or a part of a telephone number; `Anna1987` has a letter beside it
_MAX_MARKS = 4  # of one letter: Vietnamese has two, Tibetan four
_IN_NAMES = frozenset(" '’‘ʼ`´-‐‑–—.,·・•‧־׳״་፡()\"«»“”„&+_")
_LETTERS, _MARKS, _DIGITS = "L", "M", "Nd"
# A letter before the point and two after it, or a point that a word begins with: mail programs make a link of `bit.ly`
# and of `кино.рф`, and people read one in `x .com`.
_DOMAIN = re.compile(r"\w[.]+\w{2,}|(?<![\w.])[.]\w")
_INITIAL = re.compile(r"\b([^\W\d_])[.](?=([^\W\d_])(?:[^\W\d_]{3}|[.]))")  # `А.С.Пушкин` is none
_STARTS = re.compile(r"(?:^|\W)(?:www|http|https|ftp|xn)\b|xn--", re.IGNORECASE)
# Joiners shape Persian and Indic names; between letters of other scripts they only hide. One ends a Malayalam word.
_JOINED = re.compile(
    "(?<=[\u0600-\u1cff\ua840-\uaaff])[\u200c\u200d](?=[\u0600-\u1cff\ua840-\uaaff])|(?<=\u0d4d)\u200d"
)

_URL = re.compile(r"https?://\S*", re.IGNORECASE)
# UAX #9: the blocks whose letters run from right to left, and the characters that give a direction.
_TURNING = re.compile(
    "[\u0590-\u08ff\u200f\u202a-\u202e\u2066-\u2069\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
_ISOLATE = re.compile("[\u2066-\u2068][^\u2066-\u2069\n]*\u2069")
_CONTROLS = re.compile("[\u202a-\u202e\u2066-\u2069]")
_FIRST_STRONG, _POP = "\u2068", "\u2069"


def greeting_name(name: object) -> str | None:
    """The name in its normal form, or None if it cannot be one: over 64 characters, without a letter, with a web or
    mail address, a phone number or a sum, with invisible or reordering characters, or with anything but letters, marks,
    digits and the punctuation of names."""
    return _greeted(name) if isinstance(name, str) else None


@lru_cache(maxsize=1024)  # most of a crowd share their names
def _greeted(name: str) -> str | None:
    line = one_line(name)
    if not line or len(line) > MAX_NAME_CHARS or _CONTROLS.search(name):
        return None
    plain = normalize("NFKC", _JOINED.sub("", line))  # what mail programs take for a full stop
    return line if _is_name(plain) and not _is_address(plain) else None


def isolated(text: str) -> str:
    """Text between isolates (UAX #9, FSI and PDI), line by line, if any of it runs from right to left or sets a
    direction; its own directions end inside. Any other text, URLs and isolated text stay as they are."""
    if isinstance(text, Markup) or not _TURNING.search(text):
        return text
    if _URL.fullmatch(text) and not _CONTROLS.search(text):
        return text
    return "\n".join(map(_isolated_line, text.split("\n")))


def _isolated_line(line: str) -> str:
    if not _TURNING.search(_ISOLATE.sub("", line)):
        return line
    return f"{_FIRST_STRONG}{_CONTROLS.sub('', line)}{_POP}"


def _is_name(plain: str) -> bool:
    kinds = [category(one) for one in plain]
    if not any(kind.startswith(_LETTERS) for kind in kinds):
        return False
    if kinds.count(_DIGITS) > _MAX_DIGITS:
        return False
    marks = (len(list(run)) for is_mark, run in groupby(kind.startswith(_MARKS) for kind in kinds) if is_mark)
    return max(marks, default=0) <= _MAX_MARKS and all(
        one in _IN_NAMES or ((kind[0] in (_LETTERS, _MARKS) or kind == _DIGITS) and not is_blank(one))
        for one, kind in zip(plain, kinds, strict=True)
    )


def _is_address(plain: str) -> bool:
    bare = "".join(one for one in plain if not category(one).startswith(_MARKS))  # `\w` does not match marks
    return bool(_STARTS.search(bare) or _NUMBER.search(bare) or _DOMAIN.search(_INITIAL.sub(_without_initial, bare)))


def _without_initial(found: re.Match[str]) -> str:
    """Capitals of any alphabet are initials, as is a single letter where there are no capitals (Tamil)."""
    return " " if not any(one.islower() for one in found.groups()) else found[0]
