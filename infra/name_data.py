"""The chat's data about names, from Unicode's own files: which characters may be in a name, their scripts, and what
they look like (UTS #39). The files come verbatim from a package."""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from unicodedata import normalize

# Scripts of today's languages (UAX #31, table 5): a letter of any other is drawn far more often than it is written.
_RECOMMENDED = """
    Arabic Armenian Bengali Bopomofo Cyrillic Devanagari Ethiopic Georgian Greek Gujarati Gurmukhi Han Hangul Hebrew
    Hiragana Kannada Katakana Khmer Lao Latin Malayalam Myanmar Oriya Sinhala Tamil Telugu Thaana Thai Tibetan
"""
_SCRIPTS = frozenset(_RECOMMENDED.split())
_TWO_CASES = frozenset({"Armenian", "Cyrillic", "Greek", "Latin"})
# What Unicode counts to several scripts, and names to one: digits, accents, vowel signs, sounds of kana.
_SHARED = (
    (0x30, 0x39, "Common"),
    (0x300, 0x36F, "Inherited"),
    (0x64B, 0x655, "Arabic"),
    (0x660, 0x669, "Arabic"),
    (0x670, 0x670, "Arabic"),
    (0x6F0, 0x6F9, "Arabic"),
    (0x3099, 0x309A, "Katakana"),
    (0x30FC, 0x30FC, "Katakana"),
)
_RANGE = re.compile(r"^([0-9A-F]+)(?:\.\.([0-9A-F]+))?\s*; (\w+) # (L.|M[nc]|Nd)\s", re.MULTILINE)
_PAIR = re.compile(r"^([0-9A-F]+) ;\t([0-9A-F ]+) ;\tMA", re.MULTILINE)
_VERSION = re.compile(r"^# Version: ([0-9.]+)$", re.MULTILINE)
_TOTAL = re.compile(r"^# total: ([0-9]+)$", re.MULTILINE)


def write_name_data(source: Path, target: Path) -> None:
    """Makes the file that `chalicelib/live/chat_names.py` reads. Raises: FileNotFoundError; ValueError: the files are
    incomplete, or of two versions."""
    scripts, pairs = (_text(source / name) for name in ("Scripts.txt", "confusables.txt"))
    version, total = _VERSION.search(pairs), _TOTAL.search(pairs)
    looks = {_character(one): "".join(map(_character, many.split())) for one, many in _PAIR.findall(pairs)}
    if not (version and total and int(total[1]) == len(looks) and f"Scripts-{version[1]}.txt" in scripts):
        raise ValueError(f"{source} does not hold the files of one version of Unicode")
    letters = sorted([*_SHARED, *_merged(_letters(scripts))])
    known = {chr(code) for start, end, _ in letters for code in range(start, end + 1)}
    content = {
        "unicode": version[1],
        "letters": letters,
        "looks": {one: look for one, look in looks.items() if one in known},
    }
    target.write_text(json.dumps(content, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def _letters(scripts: str) -> Iterator[tuple[int, int, str]]:
    for first, last, script, category in _RANGE.findall(scripts):
        if script in _SCRIPTS:
            for code in range(int(first, 16), int(last or first, 16) + 1):
                if normalize("NFKC", chr(code)) != chr(code):
                    continue  # a form of another letter, which stands in the name instead
                # Small capitals, phonetics and clicks have no other case: no name is written with them.
                if category[0] != "L" or script not in _TWO_CASES or chr(code).lower() != chr(code).upper():
                    yield code, code, script


def _merged(ranges: Iterable[tuple[int, int, str]]) -> list[tuple[int, int, str]]:
    merged: list[tuple[int, int, str]] = []
    for start, end, script in sorted(ranges):
        if merged and merged[-1][1:] == (start - 1, script):
            start = merged.pop()[0]
        merged.append((start, end, script))
    return merged


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8-sig")


def _character(code: str) -> str:
    return chr(int(code, 16))
