"""Compiles the sources of a template into Jinja2 templates that render many letters."""

from collections.abc import Mapping
from typing import NamedTuple

from jinja2 import Template as JinjaTemplate

from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.render_limits import Budget, spend
from chalicelib.rendering.sandbox import compile_source, environment
from chalicelib.rendering.template_faults import blaming


class CompiledLetter(NamedTuple):
    """The parts of one channel in one locale, compiled from `sources`."""

    channel: str
    locale: str
    sources: Mapping[str, str]
    parts: Mapping[str, JinjaTemplate]

    def place(self, part: str) -> str:
        """Where the author wrote it, for errors: the text of a letter may be derived from its HTML."""
        written = part == "html" or self.channel in self.sources or f"{self.channel}.{part}" in self.sources
        return place_of(self.locale, self.channel, part if written else "html")


def place_of(locale: str, channel: str, part: str) -> str:
    """`en/email.html`"""
    return f"{locale}/{channel}.{part}"


def compile_letter(template: Template, *, channel: str, locale: str, layout: Layout) -> CompiledLetter:
    """`locale` is one of the template's own. Uses up one budget. Raises: RenderError (permanent)."""
    parts: dict[str, JinjaTemplate] = {}
    with spend(Budget({})):
        for part, source in template.sources_of(channel, locale):
            with blaming(place_of(locale, channel, part)):
                if part == "html":
                    # Imported late: it loads parsers of HTML and CSS, needed for e-mail alone.
                    from chalicelib.rendering.html_part import compile_html

                    # The author's own text takes precedence over the one derived from the HTML, in any order.
                    parts = {**compile_html(source, layout), **parts}
                else:
                    parts[part] = compile_source(source, environment(autoescape=False, trim=True))
    return CompiledLetter(channel, locale, template.locales[locale], parts)
