"""Turns the sources of a template into Jinja2 templates, ready to render many letters. Called by `render.py`, which
keeps what comes out: this costs milliseconds, a rendering a tenth of one."""

from collections.abc import Mapping
from typing import NamedTuple

from jinja2 import Template as JinjaTemplate

from chalicelib.errors import RenderError
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.sandbox import compile_source, environment


class CompiledLetter(NamedTuple):
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
                # Imported late: it brings readers of HTML and CSS, and a process that sends no e-mail needs none.
                from chalicelib.rendering.html_part import compile_html

                # A text of the author's own goes before the one derived from the HTML, whichever came first.
                parts = {**compile_html(source, layout), **parts}
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
