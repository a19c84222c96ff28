"""What must not be in a log: addresses, tokens, and words of letters and chats."""

import re
from collections.abc import Iterable, Iterator, Mapping
from html import unescape
from typing import Any

_ADDRESS = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+|\+[1-9]\d{9,14}\b")  # of mail, of a telephone (E.164)
_TOKEN = re.compile(r"/(?:s|unsubscribe|preferences)/([A-Za-z0-9_.-]{20,})")
_LINE_CHARACTERS = 25  # a shorter line of a letter may stand in a log by chance
_LINES = 40  # of one letter: those of its text part, the footer's among them


def addresses_in(log: str) -> set[str]:
    """Everything that looks like an address of mail or the number of a telephone."""
    return set(_ADDRESS.findall(log))


def private_words(letters: Iterable[Mapping[str, Any]]) -> set[str]:
    """Subjects, long lines and the tokens of links of letters, as the mailbox has them."""
    return {word for letter in letters for word in _words(letter)}


def found_in(log: str, words: Iterable[str]) -> set[str]:
    """Those of the words that stand in the log, as they are or as JSON writes them."""
    return {word for word in words if word in log or _escaped(word) in log}


def _words(letter: Mapping[str, Any]) -> Iterator[str]:
    yield letter["subject"]
    yield from _TOKEN.findall(unescape(letter["html"]))
    lines = (line.strip() for line in letter["text"].splitlines())
    yield from [line for line in lines if len(line) >= _LINE_CHARACTERS][:_LINES]


def _escaped(word: str) -> str:
    return word.encode("unicode_escape").decode()
