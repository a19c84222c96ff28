"""Hides the Jinja tags of an HTML source from an HTML parser and puts them back afterwards.

An HTML parser moves text out of tables, escapes it and repairs broken markup, but leaves comments alone. So a tag in
text becomes a comment, a tag in an attribute an opaque word, and a `style` with tags a custom property.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from operator import itemgetter

from jinja2 import Environment

from chalicelib.errors import Phrase, RenderError
from chalicelib.reasons import Reason
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering.template_faults import OF_THE_LAYOUT

MAX_HTML_TAGS = 6_000

# A noncharacter, reserved by Unicode for internal use: authors cannot write it, so they cannot forge a word.
_OPENS, _CLOSES = "\ufdd0", "\ufdd1"
_WORD = rf"{_OPENS}(\d+){_CLOSES}"
_WORDS = re.compile(_WORD)
_RESTORABLE = re.compile(rf"<!--{_WORD}-->|--{_WORD}:\s*1;?|{_WORD}")
# Tags, comments and style sheets begin and end where HTML's own reader sees it, so that neither hides from the other;
# what it would read in some odd way, such as a quote or `=` in the name of an attribute, is refused as not closed.
_ATTRIBUTES = r"(?:[\s/]++|[^\s/>\"'<=]++(?:\s*+=\s*+(?:\"[^\"]*+\"|'[^']*+'|[^\s>\"'<=`][^\s>\"'<`]*+))?+)*+"
_MARKUP = re.compile(
    r"(?P<comment><!--(?:-?>|.*?--!?>))"
    rf"|(?P<style><style(?=[\s/>]){_ATTRIBUTES}>(?P<rules>(?>.*?(?=</style[\s/>])))</style\s*+>)"
    rf"|(?P<literal><(?P<name>title|textarea)(?=[\s/>]){_ATTRIBUTES}>(?>.*?</(?P=name)(?=[\s/>]))\s*+>)"
    r"|(?P<unclosed><(?:style|title|textarea)\b)"
    rf"|(?P<tag></?[a-z][^\s/>\"'<=]*+{_ATTRIBUTES}>|<(?:![a-z]|\?)[^>]*+>)"
    rf"|(?P<jinja>{_WORD})"
    r"|(?P<open><(?=[a-z/!?]))",
    re.IGNORECASE | re.DOTALL,
)
_STYLE_VALUE = re.compile(r"(?P<name>\sstyle\s*=\s*)(?P<quoted>\"[^\"]*\"|'[^']*')", re.IGNORECASE)
Places = Sequence[tuple[int, int]]
_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'")


class Shield:
    """For one source: `hide`, then `restore` whatever was made from it."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._kept: list[str] = []
        self._lines: list[int] = []  # of each kept tag; 0 for anything else
        self._hidden: Counter[int] = Counter()
        self.styles: list[str] = []  # what is hidden has: the rules of each style sheet

    def hide(self, source: str, compose: Callable[[str], str]) -> str:
        """The whole letter without Jinja: its layout surrounds the author's tags, which keep their lines. Raises:
        RenderError `syntax` if HTML and Jinja are mixed in a way that no parser can follow."""
        if _OPENS in source:
            raise RenderError(Reason.SYNTAX, Phrase("the character U+FDD0 is the service's own"))
        body, places = _joined(self._words(source))
        self._mask(body, places)  # on its own as well: the layout would close what the author left open
        self.styles.clear()
        whole = self._mask(_joined(self._words(compose(body), line=OF_THE_LAYOUT))[0])
        self._hidden = self._count(whole)
        return whole

    def restore(self, html: str) -> tuple[str, list[int]]:
        """Each tag back in its place, with the author's line of each in order. Raises: RenderError `syntax` if one was
        lost."""
        if (count := self._count(html)) != self._hidden:
            line = min((self._lines[number] for number in self._hidden - count), default=None)
            said = Phrase("a Jinja tag stands where HTML allows no content; move it into a cell or a text")
            raise RenderError(Reason.SYNTAX, said, line=line)
        return self.reveal_with_lines(html)

    def reveal(self, text: str) -> str:
        """As `restore`, for a text that may have lost some tags."""
        return self.reveal_with_lines(text)[0]

    def reveal_with_lines(self, text: str) -> tuple[str, list[int]]:
        """As `reveal`, with the lines."""
        lines: list[int] = []

        def revealed(found: re.Match[str]) -> str:
            number = int(found[found.lastindex or 0])
            if self._lines[number]:
                lines.append(self._lines[number])
                return self._kept[number]
            return _RESTORABLE.sub(revealed, self._kept[number])  # a style, with the tags that it holds

        return _RESTORABLE.sub(revealed, text), lines

    def _count(self, html: str) -> Counter[int]:
        return Counter(int(number) for number in _WORDS.findall(html))

    def _mask(self, words: str, places: Places = ()) -> str:
        """Each word, and what contains some, in a form that an HTML parser leaves alone."""
        budget.current().step(words.count("<"))
        tags = 0

        def masked(found: re.Match[str]) -> str:
            nonlocal tags
            tags += 1
            if tags > MAX_HTML_TAGS:
                raise RenderError(Reason.TOO_LARGE, Phrase("the letter has over {most} tags", most=MAX_HTML_TAGS))
            return self._shield(found, places)

        return _MARKUP.sub(masked, words)

    def _words(self, source: str, *, line: int = 0) -> Iterator[tuple[int, str]]:
        """The source with each Jinja tag as a word, and the line of each piece; Jinja's own lexer finds where a tag
        begins and ends, and in which line, unless all are in one."""
        tag: list[str] = []
        begun, raw = 0, False
        for at, kind, text in self._environment.lex(source):
            raw = (raw or kind == "raw_begin") and kind != "raw_end"
            if kind == "data" and not raw:
                yield at, text
                continue
            begun = begun if tag else at
            tag.append(text)
            if kind in ("block_end", "variable_end", "raw_end", "comment_end"):
                if kind != "comment_end":
                    yield begun, self._keep("".join(tag), line=0 if kind == "raw_end" else line or begun)
                tag = []

    def _keep(self, source: str, *, line: int = 0) -> str:
        self._kept.append(source)
        self._lines.append(line)
        return f"{_OPENS}{len(self._kept) - 1}{_CLOSES}"

    def _shield(self, found: re.Match[str], places: Places) -> str:
        text = found[0]
        match found.lastgroup or "":
            case "open" | "unclosed":
                shown = self.reveal(found.string[found.start() :][:40])
                said = Phrase("an HTML tag is not closed, or written oddly: {shown}", shown=shown)
                raise RenderError(Reason.SYNTAX, said, line=_line(found, places))
            case _ if found["jinja"]:
                return f"<!--{text}-->"
            case _ if found["style"]:
                if _WORDS.search(text):
                    return f"<!--{self._keep(text)}-->"
                self.styles.append(found["rules"])
            case _ if found["tag"] and _WORDS.search(text):
                if _WORDS.search(_QUOTED.sub("", text)):
                    shown = self.reveal(text)[:60]
                    said = Phrase(
                        "inside an HTML tag, Jinja goes between the quotes of an attribute: {shown}", shown=shown
                    )
                    raise RenderError(Reason.SYNTAX, said, line=_line(found, places))
                return _STYLE_VALUE.sub(self._shield_style, text)
        return text

    def _shield_style(self, found: re.Match[str]) -> str:
        value = found["quoted"][1:-1]
        if not _WORDS.search(value):
            return found[0]
        return f'{found["name"]}"--{self._keep(value.replace(chr(34), "&quot;"))}:1"'


def _joined(pieces: Iterable[tuple[int, str]]) -> tuple[str, Places]:
    """The text, and where each piece of it begins, with its line: a comment or `-%}` drops some."""
    texts, places, end = [], [], 0
    for line, text in pieces:
        texts.append(text)
        places.append((end, line))
        end += len(text)
    return "".join(texts), places


def _line(found: re.Match[str], places: Places) -> int | None:
    at = bisect_right(places, found.start(), key=itemgetter(0)) - 1
    return places[at][1] + found.string.count("\n", places[at][0], found.start()) if places else None


def is_hidden_tag(comment: str) -> bool:
    """Whether it is a single Jinja tag; a conditional comment for Outlook contains more."""
    return _WORDS.fullmatch(comment) is not None
