"""The HTML of a letter: the author's body in the layout, the styles where mail programs keep them, and the text that
follows from it. Called by `compile.py`, at the first e-mail of a template.
"""

import re
from collections.abc import Sequence
from functools import cache

from css_inline import CSSInliner, InlineError
from jinja2 import Template as JinjaTemplate

from chalicelib.errors import RenderError
from chalicelib.rendering import budget
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.markup import check_markup
from chalicelib.rendering.nesting import check_nesting
from chalicelib.rendering.sandbox import check_source, compile_source, environment
from chalicelib.rendering.shield import Shield
from chalicelib.rendering.text import text_of

_TBODY = re.compile(r"</?tbody[^<>]*>")


def compile_html(source: str, layout: Layout) -> dict[str, JinjaTemplate]:
    """The HTML part, and the text part that follows from it. Anything may be raised: see `blame.py`."""
    html_environment = environment(autoescape=True)
    check_source(source, html_environment)  # by itself first: it says most of what is wrong
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
    """CSS rules into `style` attributes, for the mail programs that drop `<style>`; media queries stay."""
    check_markup(html, styles)
    try:
        inlined = _inliner().inline(html)
    except InlineError as error:
        raise RenderError("syntax", f"CSS: {error}") from error
    budget.current().make(len(inlined))
    # HTML's parser puts rows into a `tbody` of its own, which would begin inside a loop and end outside it.
    return inlined if "<tbody" in html.lower() else _TBODY.sub("", inlined)


@cache
def _inliner() -> CSSInliner:
    # Remote style sheets would let a template make this server fetch addresses.
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
