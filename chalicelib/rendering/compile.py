"""Turns the sources of a template into Jinja2 templates, ready to render many letters. Called by `render.py`, which
keeps what comes out: this costs milliseconds, a rendering a tenth of one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from jinja2 import Template as JinjaTemplate
from jinja2 import TemplateSyntaxError

from chalicelib.errors import RenderError
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.nesting import check_nesting
from chalicelib.rendering.sandbox import check_source, compile_source, environment
from chalicelib.rendering.shield import Shield
from chalicelib.rendering.text import text_of

if TYPE_CHECKING:
    from css_inline import CSSInliner


_TBODY = re.compile(r"</?tbody[^>]*>")


@dataclass(frozen=True)
class CompiledLetter:
    """The parts of one channel in one locale. `sources` is what they were made of."""

    locale: str
    sources: Mapping[str, str]
    parts: Mapping[str, JinjaTemplate]


def compile_letter(template: Template, *, channel: str, locale: str, layout: Layout) -> CompiledLetter:
    """`locale` is one of the template's own. Raises: RenderError `syntax`, `forbidden`, `too_large` (permanent)."""
    parts: dict[str, JinjaTemplate] = {}
    for part, source in template.sources_of(channel, locale):
        with _naming(f"{locale}/{channel}.{part}"):
            if part == "html":
                # A text of the author's own goes before the one derived from the HTML, whichever came first.
                parts = {**_compile_html(source, layout), **parts}
            else:
                parts[part] = compile_source(source, environment(autoescape=False, trim=True))
    return CompiledLetter(locale, template.locales[locale], parts)


class _naming:  # noqa: N801 - used as a word of the language
    """Errors inside the block say which part they are in."""

    def __init__(self, place: str) -> None:
        self._place = place

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, RenderError):
            raise RenderError(error.reason, f"{self._place}: {error.detail}") from error


def _compile_html(source: str, layout: Layout) -> dict[str, JinjaTemplate]:
    """The HTML part, and the text part that follows from it."""
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
    from css_inline import InlineError

    try:
        inlined = _inliner().inline(html)
    except InlineError as error:
        raise RenderError("syntax", f"CSS: {error}") from error
    # HTML's parser puts rows into a `tbody` of its own, which would begin inside a loop and end outside it.
    return inlined if "<tbody" in html.lower() else _TBODY.sub("", inlined)


@cache
def _inliner() -> "CSSInliner":
    # Imported late: only compiling needs it. Remote style sheets would let a template make this server fetch addresses.
    from css_inline import CSSInliner

    return CSSInliner(keep_at_rules=True, load_remote_stylesheets=False)
