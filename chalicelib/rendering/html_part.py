"""The HTML of a letter: the author's body in the layout, with styles where mail programs keep them, and the text
derived from it."""

import re
from collections.abc import Sequence
from functools import cache

from css_inline import CSSInliner, InlineError
from jinja2 import Template as JinjaTemplate

from chalicelib.errors import Phrase, RenderError, phrase_of
from chalicelib.reasons import Reason
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering.jinja_placeholders import Shield
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.markup_check import check_markup, check_nesting
from chalicelib.rendering.plain_text import text_of
from chalicelib.rendering.sandbox import check_source, compile_source, environment

_TBODY = re.compile(r"</?tbody[^<>]*>")


def compile_html(source: str, layout: Layout) -> dict[str, JinjaTemplate]:
    """The HTML part, and the text part derived from it. May raise anything: see `template_faults.py`."""
    html_environment = environment(autoescape=True)
    check_source(source, html_environment)  # on its own first: that finds most mistakes
    shield = Shield(html_environment)
    inlined = _inline(shield.hide(source, layout.compose), shield.styles)
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
    # HTML's parser wraps rows in a `tbody`, which would begin inside a loop and end outside it.
    return inlined if "<tbody" in html.lower() else _TBODY.sub("", inlined)


@cache
def _inliner() -> CSSInliner:
    # Remote style sheets would let a template make this server fetch addresses.
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
