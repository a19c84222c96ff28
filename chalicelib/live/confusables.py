"""What a name looks like: its skeleton (Unicode Technical Standard 39), and the script of each letter. Used by
`chat_names.py`; the data is Unicode's, made by `infra/name_data.py`.
"""

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
def _data() -> _Data:  # read when the first name is, in a millisecond: most starts of the app meet none
    content = json.loads(NAMES.read_text(encoding="utf-8"))
    return _Data([one[0] for one in content["letters"]], content["letters"], str.maketrans(content["looks"]))


def skeleton(text: str) -> str:
    """Two texts that look alike have the same one. It is for comparing, not for showing. What nobody sees is to be
    dropped before."""
    return normalize("NFD", normalize("NFD", text).translate(_data().looks))


def script_of(character: str) -> str | None:
    """The script that a letter, digit or mark of a name is of: `Common` and `Inherited` go with any. None: it is not
    for names."""
    starts, letters, _ = _data()
    at = bisect_right(starts, ord(character)) - 1
    return letters[at][2] if at >= 0 and ord(character) <= letters[at][1] else None
