"""The layout that all letters share: `templates/_layout/email.html`, the macros and styles of its blocks, and its
words in each language.

The author's body is inserted as text before anything is compiled, so that one CSS pass sees the whole letter. A layout
is named by its content, like a shipped template, and a letter keeps the one that it was accepted with (ADR 0045).
"""

import json
import re
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, Self

from chalicelib.locales import lookup
from chalicelib.rendering.shipped import LAYOUT, content_name

_CONTENT = "<!-- content -->"
_PREHEADER = "<!-- preheader -->"
_BLOCKS = {"<!-- blocks -->": "blocks.html", "/* blocks */": "blocks.css"}
# Behind the preview line, so that mail programs do not go on with the letter's first words.
_SPACERS = "&#847;&zwnj;&nbsp;" * 100
_WHOLE = re.compile(r"\A\s*<(!doctype|html)\b", re.IGNORECASE)
_MACRO = re.compile(r"\{%-? macro (?P<name>\w+)\(.*?\{%-? endmacro -?%\}\n?", re.DOTALL)
_CALLED = re.compile(r"(?<!\w)\w++(?=\s*+\()")
_PREHEADER_TAG = re.compile(r"<preheader>|</preheader>\s*", re.IGNORECASE)


class Layout:
    """One version of the layout: its HTML, and its words by locale."""

    def __init__(self, html: str, words: Mapping[str, Mapping[str, object]]) -> None:
        self._html = html
        self._words = words

    @classmethod
    def shipped(cls, folder: Path) -> Self:
        """The one that comes with the code."""
        home = folder / LAYOUT
        words = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(home.glob("*.json"))}
        html = (home / "email.html").read_text(encoding="utf-8")
        for mark, file in _BLOCKS.items():
            html = html.replace(mark, (home / file).read_text(encoding="utf-8").strip("\n"), 1)
        return cls(html, words)

    @classmethod
    def stored(cls, body: Mapping[str, Any]) -> Self:
        """The layout that `body` describes."""
        return cls(body["html"], body["words"])

    @property
    def body(self) -> Mapping[str, Any]:
        """All of it, as JSON."""
        return {"html": self._html, "words": self._words}

    @cached_property
    def name(self) -> str:
        """`layout-` and a digest of the content."""
        return content_name("layout", self.body)

    def compose(self, body: str, *, source: str | None = None) -> str:
        """The whole letter: a fragment goes into the layout, its `<preheader>` to where mail programs look for the
        preview line; a source that is a complete document stays as it is. `source`: the same where `body` hides its
        Jinja."""
        if _WHOLE.match(body):
            return body
        preheader, content = _parted(body)
        used = self._used_in(source or body)
        html = _MACRO.sub(lambda found: found[0] if found["name"] in used else "", self._html)
        shown = f"{preheader}{_SPACERS}" if preheader else ""
        return html.replace(_PREHEADER, shown, 1).replace(_CONTENT, content, 1)

    @cached_property
    def _macros(self) -> Mapping[str, str]:
        return {found["name"]: found[0] for found in _MACRO.finditer(self._html)}

    def _used_in(self, body: str) -> set[str]:
        """The macros that a body uses, with those that they use: the others would only cost time."""
        used: set[str] = set()
        texts = [_MACRO.sub("", self._html), body]
        while texts:
            words = set(_CALLED.findall(texts.pop()))
            new = self._macros.keys() & words - used
            used |= new
            texts += [self._macros[name] for name in new]
        return used

    def strings(self, locale: str) -> Mapping[str, object]:
        """The layout's own words in the locale, in its language, or in English. Raises: KeyError."""
        names = lookup(locale)
        return next((self._words[name] for name in names if name in self._words), self._words["en"])


def _parted(body: str) -> tuple[str, str]:
    """The first preheader, and the body without any. Looks at each tag once, so that hundreds of unclosed ones cost no
    more than closed ones."""
    found, content, opened, end = [], [], None, 0
    for tag in _PREHEADER_TAG.finditer(body):
        if not tag[0].startswith("</"):
            opened = opened or tag
        elif opened:
            found.append(body[opened.end() : tag.start()])
            content.append(body[end : opened.start()])
            opened, end = None, tag.end()
    return (found[0].strip() if found else ""), "".join(content) + body[end:]
