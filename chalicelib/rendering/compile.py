"""Turns the sources of a template into Jinja2 templates, ready to render many letters."""

from collections.abc import Mapping
from typing import NamedTuple

from jinja2 import Template as JinjaTemplate

from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.render_limits import Budget, spend
from chalicelib.rendering.sandbox import compile_source, environment
from chalicelib.rendering.template_faults import blaming


class CompiledLetter(NamedTuple):
    """The parts of one channel in one locale. `sources` is what they were made of."""

    channel: str
    locale: str
    sources: Mapping[str, str]
    parts: Mapping[str, JinjaTemplate]

    def place(self, part: str) -> str:
        """Where its author wrote it, as errors say it: the text of a letter may follow from its HTML."""
        written = part == "html" or self.channel in self.sources or f"{self.channel}.{part}" in self.sources
        return place_of(self.locale, self.channel, part if written else "html")


def place_of(locale: str, channel: str, part: str) -> str:
    """`en/email.html`"""
    return f"{locale}/{channel}.{part}"


def compile_letter(template: Template, *, channel: str, locale: str, layout: Layout) -> CompiledLetter:
    """`locale` is one of the template's own. Costs one budget. Raises: RenderError (permanent)."""
    parts: dict[str, JinjaTemplate] = {}
    with spend(Budget({})):
        for part, source in template.sources_of(channel, locale):
            with blaming(place_of(locale, channel, part)):
                if part == "html":
                    # Imported late: it brings readers of HTML and CSS, and a process that sends no e-mail needs none.
                    from chalicelib.rendering.html_part import compile_html

                    # A text of the author's own goes before the one derived from the HTML, whichever came first.
                    parts = {**compile_html(source, layout), **parts}
                else:
                    parts[part] = compile_source(source, environment(autoescape=False, trim=True))
    return CompiledLetter(channel, locale, template.locales[locale], parts)
