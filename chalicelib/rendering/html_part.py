"""The HTML of a letter: the author's body in the layout, with styles where mail programs keep them; and the plain text
of a letter whose author wrote only HTML."""

import re
from collections.abc import Callable, Sequence
from functools import cache
from html.parser import HTMLParser

from css_inline import CSSInliner, InlineError
from jinja2 import Template as JinjaTemplate

from chalicelib.errors import Phrase, RenderError, phrase_of
from chalicelib.reasons import Reason
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering.finishing import tidy
from chalicelib.rendering.jinja_placeholders import Shield, is_hidden_tag
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.markup_check import VOID, check_markup, check_nesting
from chalicelib.rendering.sandbox import check_source, compile_source, environment

_UNSPOKEN = frozenset({"head", "script", "style", "title"})
_BLOCKS = "address blockquote div dl h1 h2 h3 h4 h5 h6 hr ol p section table ul"
_PARAGRAPHS = frozenset(_BLOCKS.split())
_LINES = frozenset({"br", "dd", "dt", "li", "tr"})
_SPACE = re.compile(r"[ \t\r\n\f]+")

_TBODY = re.compile(r"</?tbody[^<>]*>")
_CHARSET = re.compile(r"<meta charset=[^<>]*>")


def compile_html(source: str, layout: Layout) -> dict[str, JinjaTemplate]:
    """The HTML part, and the text part derived from it. May raise anything: see `template_faults.py`."""
    html_environment = environment(autoescape=True)
    check_source(source, html_environment)  # on its own first: that finds most mistakes
    shield = Shield(html_environment)
    inlined = _inline(shield.hide(source, lambda body: layout.compose(body, source=source)), shield.styles)
    check_nesting(inlined, shown=shield.reveal_with_lines)
    html, lines = shield.restore(inlined)
    text, lines_of_text = shield.reveal_with_lines(text_of(inlined, shown=shield.reveal))
    return {
        "html": compile_source(html, html_environment, lines),
        "text": compile_source(text, environment(autoescape=False), lines_of_text),
    }


def _inline(html: str, styles: Sequence[str]) -> str:
    """CSS rules into `style` attributes, for mail programs that drop `<style>`; media queries stay."""
    check_markup(html, styles)
    try:
        inlined = _inliner().inline(html)
    except InlineError as error:
        raise RenderError(Reason.SYNTAX, Phrase("CSS: {why}", why=phrase_of(error))) from error
    budget.current().make(len(inlined))
    if (charset := _CHARSET.search(inlined)) is not None:  # the inliner puts its styles before it
        rest = inlined[: charset.start()] + inlined[charset.end() :]
        inlined = rest.replace("<head>", f"<head>{charset[0]}", 1)
    # HTML's parser wraps rows in a `tbody`, which would begin inside a loop and end outside it.
    return inlined if "<tbody" in html.lower() else _TBODY.sub("", inlined)


@cache
def _inliner() -> CSSInliner:
    # Remote style sheets would let a template make this server fetch addresses.
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)


def text_of(html: str, *, shown: Callable[[str], str] = str) -> str:
    """Paragraphs, list items as `• item`, links as `label (address)`, images by what their `alt` says; no preheader,
    nothing marked `data-text="skip"`. `shown` says what a hidden Jinja tag stands for: a link whose label is its
    address is written once."""
    reader = _TextReader(shown)
    reader.feed(html)
    reader.close()
    return tidy("".join(reader.pieces))


class _TextReader(HTMLParser):
    def __init__(self, shown: Callable[[str], str]) -> None:
        super().__init__(convert_charrefs=True)
        self._shown = shown
        self.pieces: list[str] = []
        self._skipped: list[str] = []
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        if self._skipped or tag in _UNSPOKEN or named.get("data-text") == "skip":
            if tag not in VOID:
                self._skipped.append(tag)
            return
        self._break_before(tag)
        if tag == "li":
            self.pieces.append("• ")
        elif tag in ("td", "th"):
            self.pieces.append(" ")
        elif tag == "img" and (alt := named.get("alt")):
            self.pieces.append(alt)
        elif tag == "a":
            self._links.append((named.get("href") or "", len(self.pieces)))

    def handle_endtag(self, tag: str) -> None:
        if self._skipped:
            if tag in self._skipped:
                del self._skipped[len(self._skipped) - 1 - self._skipped[::-1].index(tag) :]
            return
        if tag == "a" and self._links:
            self._close_link(*self._links.pop())
        self._break_before(tag)

    def handle_data(self, data: str) -> None:
        if not self._skipped:
            self.pieces.append(_SPACE.sub(" ", data))

    def handle_comment(self, data: str) -> None:
        if is_hidden_tag(data) and (not self._skipped or self._skipped == ["head"]):
            self.pieces.append(data)

    def _close_link(self, address: str, start: int) -> None:
        label = "".join(self.pieces[start:]).strip()
        if address and self._shown(address).removeprefix("mailto:") != self._shown(label):
            self.pieces.append(f" ({address})" if label else address)

    def _break_before(self, tag: str) -> None:
        if tag in _PARAGRAPHS:
            self.pieces.append("\n\n")
        elif tag in _LINES:
            self.pieces.append("\n")
