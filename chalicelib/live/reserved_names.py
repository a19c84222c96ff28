"""Names in the chat that are reserved for the service, however they are written."""

import re
from collections.abc import Iterable, Iterator
from unicodedata import combining, normalize

from chalicelib.live.chat_names import name_keys, words_of

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
