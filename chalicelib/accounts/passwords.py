"""Managers' passwords: kept as argon2id hashes, and refused if others would guess them first, from lists of leaks or
from a word, a row of keys or the account itself. No rule asks for digits or signs (ASVS 5: 6.2.4, 6.2.5, 6.2.11,
6.2.12).

Both lists come out of packages (`infra/assets.py`). That of leaked passwords is a Bloom filter: none of them passes,
and one good password in a hundred is taken for one.
"""

import gzip
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Collection, Iterator
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidError, Phrase

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD, MAX_PASSWORD = 12, 256
_DATA = Path(__file__).resolve().parents[1] / "data"
LEAKED, COMMON = _DATA / "leaked-passwords.bloom", _DATA / "common-passwords.txt.gz"
BITS_EACH = 10  # of the filter, for each of its passwords
_PROBES = 7  # as many as a filter of ten bits each wants
_LEAST = 6  # characters that must remain once the guessable part is removed
_SHORTEST_WORD, _SHORTEST_HALF = 3, 4  # letters; what is shorter explains nothing
_ROWS = ("abcdefghijklmnopqrstuvwxyz", "абвгдеёжзийклмнопрстуфхцчшщъыьэюя", "1234567890", "01", "1qaz2wsx3edc4rfv5tgb")
_KEYS = ("qwertyuiop[]asdfghjkl;'zxcvbnm,./", "йцукенгшщзхъфывапролджэячсмитьбю.")  # the same keys of two layouts
_STEPS = frozenset(pair for row in (*_ROWS, *_KEYS) for way in (row, row[::-1]) for pair in pairwise(way))
# A Russian word typed in the English layout is one of the first in every list: `gfhjkm`.
_TYPED = str.maketrans(_KEYS[1], _KEYS[0])
_DISGUISED = str.maketrans("@4310$57!", "aaeiossti")
_OURS = ("vestnik", "вестник", "notification", "manager", "менеджер", "administrator")


def check_chosen(password: str, *, field: str, about: Collection[str]) -> None:
    """Refuses passwords that others would guess; `about`: names of the account and the site. Raises: InvalidError
    (permanent; names the field)."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidError.of(
            field, Phrase("expected {least} to {most} characters", least=MIN_PASSWORD, most=MAX_PASSWORD)
        )
    if (problem := weakness(password, about=about)) is not None:
        raise InvalidError.of(field, problem)


def hashed(password: str) -> str:
    """What is stored of it."""
    return _hasher().hash(password)


def fits(password_hash: str, password: str) -> bool:
    """Whether this is the password; takes the same time either way."""
    from argon2.exceptions import VerificationError

    try:
        return _hasher().verify(password_hash, password[: MAX_PASSWORD + 1])
    except VerificationError:
        return False


@cache
def nobodys_hash() -> str:
    """A hash that no password fits: an unknown name takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(15))


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # 20 ms and a shared library that no other call needs

    # argon2id as OWASP's password storage cheat sheet asks for: one thread, because a small Lambda has no second core.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def weakness(password: str, *, about: Collection[str] = ()) -> Phrase | None:
    """Why it is easy to guess; None if it is not. `about`: names of the account and of the site."""
    text = normal(password)
    if min(map(len, (_irregular(_once(text)), _irregular(text[::2]) + _irregular(text[1::2])))) < _LEAST:
        return Phrase("expected something less regular: it repeats itself, or follows the alphabet or a row of keys")
    if _is_of_names(text, (*about, *_OURS)):
        return Phrase("expected more than the names of the account, the site or the service")
    if _is_leaked(text):
        return Phrase("expected one that nobody knows: this one is on lists of leaked passwords")
    common = frozenset(gzip.decompress(COMMON.read_bytes()).decode().split())
    if any(form in common or _is_two_words(form, common) for form in _forms(text)):
        return Phrase("expected more than a common password or two: digits and signs around them hide little")
    return None


def normal(password: str) -> str:
    """The common form of a password's spellings."""
    return unicodedata.normalize("NFKC", password).casefold()


def places(text: str, bits: int) -> Iterator[int]:
    """The bits of a text in a filter of this size."""
    digest = hashlib.blake2b(text.encode(errors="surrogatepass"), digest_size=16).digest()
    first, step = int.from_bytes(digest[:8], "big"), int.from_bytes(digest[8:], "big") | 1
    return ((first + n * step) % bits for n in range(_PROBES))


def _is_leaked(text: str) -> bool:
    filled = LEAKED.read_bytes()  # a millisecond, once in a person's year
    return all(filled[place >> 3] & 1 << (place & 7) for place in places(text, len(filled) * 8))


def _irregular(text: str) -> str:
    """The characters that do not follow from the previous one."""
    return text[:1] + "".join(b for a, b in pairwise(text) if a != b and (a, b) not in _STEPS)


def _once(text: str) -> str:
    """`abcabca` is `abc` and more of the same."""
    lengths = range(1, len(text) // 2 + 1)
    return next((text[:n] for n in lengths if text == (text[:n] * len(text))[: len(text)]), text)


def _is_of_names(text: str, names: Collection[str]) -> bool:
    words = {one for name in names for one in re.split(r"[\W\d_]+", normal(name)) if len(one) >= _SHORTEST_WORD}
    for plain in (text, text.translate(_DISGUISED)):
        left = plain
        for word in sorted(words, key=lambda one: (-len(one), one)):
            left = left.replace(word, "").replace(word[::-1], "")
        if left != plain and len(_letters(left)) < _LEAST:
            return True
    return False


def _forms(text: str) -> Iterator[str]:
    """Its recognisable forms: as it is, without digits and signs around its word or in it, as other keys,
    undisguised."""
    whole = (text, _once(text), text.translate(_TYPED), text.translate(_DISGUISED))
    cores = [re.sub(r"^[\W\d_]+|[\W\d_]+$", "", one) for one in whole]
    cores += [core.translate(_DISGUISED) for core in cores]
    words = (word for core in cores for word in (core, _once(core), _once(_letters(core))))
    yield from dict.fromkeys((*whole, *(word for word in words if len(word) >= _SHORTEST_WORD)))


def _letters(text: str) -> str:
    return re.sub(r"[\W\d_]", "", text)


def _is_two_words(text: str, common: Collection[str]) -> bool:
    halves = range(_SHORTEST_HALF, len(text) - _SHORTEST_HALF + 1)
    return any(text[:n] in common and text[n:] in common for n in halves)
