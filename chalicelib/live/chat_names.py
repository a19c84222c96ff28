"""What a name in the chat may be, when two are the same, and which are reserved for the service (ADR 0072).

A name consists of letters of one script (or of scripts that are written together, such as kana and Chinese characters),
their marks, digits of one kind, and single spaces or a few signs between them: the "highly restrictive" level of UTS
#39. Invisible characters are dropped; characters that nobody writes names with are refused. What a name looks like is
its skeleton (UTS #39); the data is Unicode's, made by `infra/name_data.py`.
"""

import json
import re
from bisect import bisect_right
from collections.abc import Container, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import category, combining, decimal, normalize

from chalicelib.live.server_events import FrameError
from chalicelib.text import is_tame, without_ignorables

MAX_NAME_CHARACTERS = 32  # marks are not counted
_MAX_MARKS = 2  # above and below one letter
_MOST_COMPARED = (_MAX_MARKS + 1) * MAX_NAME_CHARACTERS  # a key of DynamoDB is at most 1,024 bytes
# Modifier letters that sound (the okina of Hawaii, alef and ain in Latin letters) may also stand first.
_SOUNDING = "\u02bb\u02bc\u02be\u02bf"
_SIGNS = f" '\u2018\u2019{_SOUNDING}._\xb7\u05f3\u05f4\u0f0b\u30fb\u2010-"
_BETWEEN = re.compile(f"[\\s{_SIGNS}]+")  # the hyphen comes last, so it stands for itself
_INSIDE = re.compile(r"\w\w\.\w")  # a point within a word, which is an address; `J.R. Smith` has none
_JOINERS = "\u200c\u200d"
# The scripts in which a joiner makes another word; elsewhere it is merely invisible.
_JOINED_SCRIPTS = "Arabic Bengali Devanagari Gujarati Gurmukhi Kannada Malayalam Oriya Sinhala Tamil Telugu"
_JOINED = frozenset(_JOINED_SCRIPTS.split())
# The scripts of marks that are left when letters are composed, and are as good as none: accents that no letter has,
# points of vowels that are mostly not written.
_POINTED = frozenset({"Inherited", "Arabic", "Hebrew"})
_AM = str.maketrans({"\u0e33": "\u0e4d\u0e32", "\u0eb3": "\u0ecd\u0eb2"})  # NFKC parts these vowels of Thai and Lao
_WITH_ANY = frozenset({"Common", "Inherited"})
_TOGETHER = (
    frozenset({"Latin", "Han", "Hiragana", "Katakana"}),
    frozenset({"Latin", "Han", "Bopomofo"}),
    frozenset({"Latin", "Han", "Hangul"}),
)
# The commands of the lesson: somebody called so could not be told from the command.
_COMMANDS = frozenset({"block", "unblock", "blocked"})
# Refused at the end of a word too (`superadmin`), and with anything after it (`AdminTeam`).
_OFFICES = """
    admin administrator administration moderator moderation support helpdesk system vestnik podderzhka
    админ администратор администрация модератор модерация поддержка поддержки саппорт система вестник
    адмін адміністратор адміністрація підтримка підтримки
"""
# Refused if a name consists only of these: otherwise they may be a surname, or a joke.
_ROLES = """
    root superuser info abuse staff owner operator security official sysop webmaster postmaster hostmaster noreply
    service server bot team help desk moder mod
    команда служба бот модер оператор безопасность официальный сервер помощь владелец сотрудник
    管理员 管理員 管理者 客服 관리자 운영자
"""
_LEAST_LETTERS = 5  # of an office; a shorter name of the service is refused as a role
_LIKE = {"a": "a4", "b": "b8", "e": "e3", "g": "g9", "s": "s5", "t": "t7"}  # `0` and `1` look like letters anyway
_FILLING = "[0-9oisx]"  # digits, a plural, `xX`

NAMES = Path(__file__).parents[1] / "data" / "names.json"


class _Data(NamedTuple):
    starts: list[int]
    letters: list[tuple[int, int, str]]
    looks: dict[int, str]


@cache
def _data() -> _Data:  # read with the first name, in a millisecond: most processes never need it
    content = json.loads(NAMES.read_text(encoding="utf-8"))
    return _Data([one[0] for one in content["letters"]], content["letters"], str.maketrans(content["looks"]))


def skeleton(text: str) -> str:
    """Equal for two texts that look alike; for comparing, not for showing. Invisible characters must be
    dropped before."""
    return normalize("NFD", normalize("NFD", text).translate(_data().looks))


def script_of(character: str) -> str | None:
    """The script of a letter, digit or mark; `Common` and `Inherited` go with any. None: not allowed in names."""
    starts, letters, _ = _data()
    at = bisect_right(starts, ord(character)) - 1
    return letters[at][2] if at >= 0 and ord(character) <= letters[at][1] else None


class NameKeys(NamedTuple):
    """What names are compared by: two are the same if any key is. `folded` ignores case; `drawn` is as written, since
    `I` is the capital of `i` and looks like `l`; `raised` is in capitals, more of which look alike: `ТОМ` in Cyrillic
    and `TOM`."""

    folded: str
    drawn: str
    raised: str


def name_keys(name: str) -> NameKeys:
    """The keys of any text, whether it can be a name or not; if it cannot, a key may be empty. Spaces and signs do not
    count."""
    bare = _BETWEEN.sub("", _unpointed(normalize("NFKC", without_ignorables(name))))[:_MOST_COMPARED]
    folded = skeleton(skeleton(bare.casefold()).casefold())
    undotted = re.sub("([ij])\u0307", r"\1", folded).replace("vv", "w")
    return NameKeys(undotted, skeleton(bare), skeleton(bare.casefold().upper()).replace("I\u0307", "l"))


def words_of(name: str) -> list[str]:
    """The words between its spaces and signs."""
    return [word for word in _BETWEEN.split(name) if word]


def same_name(one: str, other: str) -> bool:
    """Whether people would mistake one for the other."""
    return any(a == b for a, b in zip(name_keys(one), name_keys(other), strict=True))


def check_name(text: str, *, reserved: Container[str] = ()) -> str:
    """The name as it is shown; idempotent. Raises: FrameError `empty_name`, `long_name`, `bad_name`, `mixed_name`,
    `reserved_name` (permanent)."""
    name = " ".join("".join(_seen(normalize("NFKC", text))).split())
    if not name:
        raise FrameError("empty_name")
    if len(name) > _MOST_COMPARED or sum(category(one)[0] != "M" for one in name) > MAX_NAME_CHARACTERS:
        raise FrameError("long_name", limit=MAX_NAME_CHARACTERS)
    if not is_tame(text) or not _is_spelled(name) or name.casefold() in _COMMANDS:
        raise FrameError("bad_name")
    if not _is_of_one_writing(name):
        raise FrameError("mixed_name")
    if name in reserved:
        raise FrameError("reserved_name", name=text)
    for vowel, parts in _AM.items():
        name = name.replace(parts, chr(vowel))
    return name


def _unpointed(text: str) -> str:
    return "".join(one for one in text if category(one) != "Mn" or script_of(one) not in _POINTED)


def _seen(text: str) -> Iterator[str]:
    for n, one in enumerate(text):
        inside = 0 < n < len(text) - 1
        if one in _JOINERS and inside and script_of(text[n - 1]) in _JOINED and script_of(text[n + 1]) in _JOINED:
            yield one
        else:
            yield without_ignorables(one)


def _is_spelled(name: str) -> bool:
    """Letters, digits, and only a few marks on each; signs only after a letter or digit, one at a time."""
    if _INSIDE.search(name):
        return False
    before, marks = "", 0
    for one in normalize("NFD", name):
        kind = category(one)
        if one in _SIGNS:
            may_stand = one in _SOUNDING if not before else one == " " if before == "." else before not in _SIGNS
            if not may_stand:
                return False
        elif one not in _JOINERS and script_of(one) is None:
            return False
        elif kind == "Mn":
            marks += 1
            if marks > _MAX_MARKS or one == before or not before or before in _SIGNS:
                return False
        before, marks = one, marks if kind == "Mn" else 0
    return any(category(one)[0] in "LN" for one in name if one not in _SIGNS)


def _is_of_one_writing(name: str) -> bool:
    scripts = {script for one in name if (script := script_of(one))} - _WITH_ANY
    zeros = {ord(one) - value for one in name if (value := decimal(one, None)) is not None}
    return len(zeros) <= 1 and (len(scripts) <= 1 or any(scripts <= together for together in _TOGETHER))


class ReservedNames:
    """The names of the service's roles, and its own."""

    def __init__(self, own: Iterable[str] = ()) -> None:
        named = [_office(word) for word in (*_OFFICES.split(), *own)]
        offices = [word for word in named if len(word) >= _LEAST_LETTERS]
        roles = [word for word in named if 0 < len(word) < _LEAST_LETTERS]
        roles += map(_office, _ROLES.split())
        office, either = _any_of(offices), _any_of([*offices, *roles])
        behind = f"(?:{either}|{_FILLING}|{_office('ы')})*+"
        self._word = re.compile(f".*{office}{behind}")
        self._whole = re.compile(f"{_FILLING}*{either}{behind}")

    def __contains__(self, name: object) -> bool:
        text = str(name)
        return bool(self._whole.fullmatch(_office(text))) or any(
            self._word.fullmatch(_office(part)) for word in words_of(text) for part in (word, *_parts(word))
        )


def _any_of(words: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(set(map(_pattern, words)), reverse=True))})"


def _pattern(word: str) -> str:
    """The word with letters doubled at will, and digits for letters."""
    letters = re.sub(r"(.)\1+", r"\1", word)
    return "".join(f"[{re.escape(_LIKE.get(one, one))}]+" for one in letters)


def _parts(word: str) -> Iterator[str]:
    """The parts between digits and capitals."""
    start = 0
    for n in range(1, len(word) + 1):
        if n == len(word) or word[n].isdigit() or (word[n].isupper() and not word[n - 1].isupper()):
            yield word[start:n].strip("0123456789")
            start = n


def _office(text: str) -> str:
    """As `name_keys`, without marks; `1`, `l` and `I` are `i`."""
    folded = normalize("NFD", name_keys(text).folded).replace("l", "i")
    return "".join(one for one in folded if not combining(one))
