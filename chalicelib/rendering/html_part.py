"""The HTML of a letter: the author's body in the layout, the styles where mail programs keep them, and the text that
follows from it. Called by `compile.py`, at the first e-mail of a template.
"""

import re
from functools import cache

from css_inline import CSSInliner, InlineError
from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateSyntaxError

from chalicelib.errors import RenderError
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.nesting import check_nesting
from chalicelib.rendering.sandbox import check_source, compile_source, environment
from chalicelib.rendering.shield import Shield
from chalicelib.rendering.text import text_of

_TBODY = re.compile(r"</?tbody[^>]*>")


def compile_html(source: str, layout: Layout) -> dict[str, JinjaTemplate]:
    """The HTML part, and the text part that follows from it. Raises: RenderError `syntax`, `forbidden`, `too_large`
    (permanent)."""
    html_environment = environment(autoescape=True)
    # By itself first: its mistakes get the line numbers of the author's file, not of the composed letter.
    check_source(source, html_environment)
    shield = Shield(html_environment)
    try:
        # Alone as well: what the author left open, the layout would close.
        Shield(html_environment).hide(source)
        inlined = _inline(shield.hide(layout.compose(source)))
    except TemplateSyntaxError as error:
        raise RenderError("syntax", f"line {error.lineno}: {error.message}") from error
    check_nesting(inlined, shown=shield.reveal)
    text = shield.reveal(text_of(inlined, shown=shield.reveal))
    return {
        "html": compile_source(shield.restore(inlined), html_environment),
        "text": compile_source(text, environment(autoescape=False)),
    }


def _inline(html: str) -> str:
    """CSS rules into `style` attributes, for the mail programs that drop `<style>`; media queries stay."""
    try:
        inlined = _inliner().inline(html)
    except InlineError as error:
        raise RenderError("syntax", f"CSS: {error}") from error
    # HTML's parser puts rows into a `tbody` of its own, which would begin inside a loop and end outside it.
    return inlined if "<tbody" in html.lower() else _TBODY.sub("", inlined)


@cache
def _inliner() -> CSSInliner:
    # Remote style sheets would let a template make this server fetch addresses.
    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
