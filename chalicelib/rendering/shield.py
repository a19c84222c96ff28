"""Hides the Jinja tags of an HTML source from an HTML parser and puts them back after it. Called by `compile.py`.

An HTML parser moves text out of tables, escapes it, and mends broken markup; a comment stays where it is. So a tag in
text becomes a comment, a tag inside an attribute an opaque word, and a `style` that has tags a custom property.
"""

import re
from collections import Counter
from collections.abc import Iterator

from jinja2 import Environment

from chalicelib.errors import RenderError

MAX_HTML_TAGS = 6_000

_WORD = r"jinja-(\d+)-kept"
_WORDS = re.compile(_WORD)
_RESTORABLE = re.compile(rf"<!--{_WORD}-->|--{_WORD}:\s*1;?|{_WORD}")
_MARKUP = re.compile(
    r"(?P<comment><!--.*?-->)"
    r"|(?P<style><style\b[^>]*>.*?</style\s*>)"
    r"|(?P<literal><(?P<name>title|textarea|script)\b[^>]*>.*?</(?P=name)\s*>)"
    r"|(?P<unclosed><(?:style|title|textarea|script)\b)"
    r"|(?P<tag></?[a-z](?:\"[^\"]*\"|'[^']*'|[^'\">])*>|<![a-z][^>]*>)"
    rf"|(?P<jinja>{_WORD})"
    r"|(?P<open><(?=[a-z/!]))",
    re.IGNORECASE | re.DOTALL,
)
_STYLE_VALUE = re.compile(r"(?P<name>\sstyle\s*=\s*)(?P<quoted>\"[^\"]*\"|'[^']*')", re.IGNORECASE)
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


class Shield:
    """One use is one source: `hide`, then `restore` whatever was made of it."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._kept: list[str] = []
        self._hidden: Counter[int] = Counter()

    def hide(self, source: str) -> str:
        """HTML without Jinja. Raises: RenderError `syntax` where the two are mixed so that no parser can follow."""
        words = "".join(self._words(source))
        tags = 0

        def shield(found: re.Match[str]) -> str:
            nonlocal tags
            tags += 1
            if tags > MAX_HTML_TAGS:
                raise RenderError("too_large", f"the letter has over {MAX_HTML_TAGS} tags")
            return self._shield(found)

        hidden = _MARKUP.sub(shield, words)
        self._hidden = self._count(hidden)
        return hidden

    def restore(self, html: str) -> str:
        """Each tag back in its place. Raises: RenderError `syntax` when one was lost."""
        if self._count(html) != self._hidden:
            raise RenderError("syntax", "a Jinja tag stands where HTML allows nothing; move it into a cell or a text")
        return self.reveal(html)

    def reveal(self, text: str) -> str:
        """As `restore`, for a text that is meant to have lost some tags."""
        while _WORDS.search(text):
            text = _RESTORABLE.sub(lambda found: self._kept[int(found[found.lastindex or 0])], text)
        return text

    def _count(self, html: str) -> Counter[int]:
        return Counter(int(number) for number in _WORDS.findall(html))

    def _words(self, source: str) -> Iterator[str]:
        """The source with each Jinja tag as a word; Jinja's own lexer says where a tag begins and ends."""
        if _WORDS.search(source):
            raise RenderError("syntax", "`jinja-…-kept` is a name of the service's own")
        tag: list[str] = []
        raw = False
        for _, kind, text in self._environment.lex(source):
            raw = (raw or kind == "raw_begin") and kind != "raw_end"
            if kind == "data" and not raw:
                yield text
                continue
            tag.append(text)
            if kind in ("block_end", "variable_end", "raw_end", "comment_end"):
                if kind != "comment_end":
                    yield self._keep("".join(tag))
                tag = []

    def _keep(self, source: str) -> str:
        self._kept.append(source)
        return f"jinja-{len(self._kept) - 1}-kept"

    def _shield(self, found: re.Match[str]) -> str:
        text = found[0]
        match found.lastgroup or "":
            case "open" | "unclosed":
                raise RenderError(
                    "syntax", f"an HTML tag is not closed: {self.reveal(found.string[found.start() :][:40])}"
                )
            case _ if found["jinja"]:
                return f"<!--{text}-->"
            case _ if found["style"] and _WORDS.search(text):
                return f"<!--{self._keep(text)}-->"
            case _ if found["tag"]:
                return self._shield_tag(text)
        return text

    def _shield_tag(self, tag: str) -> str:
        if not _WORDS.search(tag):
            return tag
        if _WORDS.search(_QUOTED.sub("", tag)):
            shown = self.reveal(tag)[:60]
            raise RenderError("syntax", f"inside an HTML tag, Jinja goes between the quotes of an attribute: {shown}")
        return _STYLE_VALUE.sub(self._shield_style, tag)

    def _shield_style(self, found: re.Match[str]) -> str:
        value = found["quoted"][1:-1]
        if not _WORDS.search(value):
            return found[0]
        return f'{found["name"]}"--{self._keep(value.replace(chr(34), "&quot;"))}:1"'
