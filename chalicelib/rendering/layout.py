"""The layout that all letters share: `templates/_layout/email.html` and its words in each language. Called by
`compile.py`.

The author's body is put into the layout as text, before anything is compiled, so that one CSS pass sees the whole
letter.
"""

import json
import re
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from chalicelib.rendering.shipped import LAYOUT

_CONTENT = "<!-- content -->"
_PREHEADER = "<!-- preheader -->"
_WHOLE = re.compile(r"\s*<(!doctype|html)\b", re.IGNORECASE)
_PREHEADER_TAG = re.compile(r"<preheader>(.*?)</preheader>\s*", re.IGNORECASE | re.DOTALL)


class Layout:
    """The files of one folder, read once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder / LAYOUT
        self._html = (self._folder / "email.html").read_text(encoding="utf-8")

    def compose(self, body: str) -> str:
        """The whole letter: a fragment goes into the layout, its `<preheader>` to where mail programs look for the
        preview line; a source that is a document of its own is taken as it is."""
        if _WHOLE.match(body):
            return body
        found = _PREHEADER_TAG.search(body)
        preheader = found.group(1).strip() if found else ""
        content = _PREHEADER_TAG.sub("", body)
        return self._html.replace(_PREHEADER, preheader, 1).replace(_CONTENT, content, 1)

    @lru_cache(maxsize=64)  # noqa: B019 - a layout lives as long as the process
    def strings(self, locale: str) -> Mapping[str, object]:
        """The layout's own words in the locale, in its language, or in English."""
        for name in (locale, locale.partition("-")[0], "en"):
            if (words := self._folder / f"{name}.json").is_file():
                read: Mapping[str, object] = json.loads(words.read_text(encoding="utf-8"))
                return read
        raise FileNotFoundError(f"{self._folder}/en.json")
