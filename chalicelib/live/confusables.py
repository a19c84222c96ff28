"""What a name looks like: its skeleton (Unicode Technical Standard 39), and the script of each letter. The data is
Unicode's, made by `infra/name_data.py`."""

import json
from bisect import bisect_right
from functools import cache
from pathlib import Path
from typing import NamedTuple
from unicodedata import normalize

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
