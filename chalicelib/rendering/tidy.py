"""The last touch to a text part. Called by `render.py` for every letter, by `text.py` for what it makes of HTML."""

import re

_EDGES = re.compile(r"[ \t]*\n[ \t]*")
_GAPS = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """No trailing spaces, at most one empty line between two others, one line break at the end."""
    return _GAPS.sub("\n\n", _EDGES.sub("\n", text)).strip() + "\n"
