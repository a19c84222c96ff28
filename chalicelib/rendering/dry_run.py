"""Renders whatever depends on the context alone (subjects, titles, texts) before a letter is accepted, so that what can
never be sent is refused while the caller listens."""

import time
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Any

from jinja2 import Template as JinjaTemplate

from chalicelib.errors import FieldError, Phrase, RenderError
from chalicelib.rendering.compile import place_of
from chalicelib.rendering.finishing import finish, require_content
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.render_limits import Budget, spend
from chalicelib.rendering.sandbox import compile_source, environment, names_in, run
from chalicelib.rendering.template_faults import blaming

MAX_SECONDS = 3.0  # of CPU time for all parts of all letters of a call, each of which has a budget of its own
_OF_THE_READER = frozenset({"user", "links", "service"})  # known only when the letter is made


def try_letter(
    template: Template,
    context: Mapping[str, Any],
    *,
    channels: Iterable[str],
    renderer: Renderer,
    translations: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> list[FieldError]:
    """Each part that cannot be made from this context, with the locales in which it cannot; in some of them with the
    `translations` laid over it."""
    found: dict[tuple[str, Phrase], list[str]] = {}
    deadline = time.thread_time() + MAX_SECONDS
    for channel in channels:
        for locale in template.locales:
            if time.thread_time() > deadline:
                return [
                    FieldError(
                        "context", Phrase("to make the letters of it takes over {most} s", most=f"{MAX_SECONDS:g}")
                    )
                ]
            names = {**context, **translations.get(locale, {})}
            place = f"translations.{locale}" if locale in translations else "context"
            for part, mistake in _mistakes(template, names, channel=channel, locale=locale, renderer=renderer):
                why = Phrase("{field}: {why}", field=f"{channel}.{part}", why=mistake)
                found.setdefault((place, why), []).append(locale)
    return [
        FieldError(place, Phrase("{why} ({locales})", why=mistake, locales=", ".join(locales)))
        for (place, mistake), locales in found.items()
    ]


def _mistakes(
    template: Template, context: Mapping[str, Any], *, channel: str, locale: str, renderer: Renderer
) -> Iterator[tuple[str, Phrase]]:
    names = renderer.names(template, locale=locale, context=context)
    required = renderer.required_parts(channel)
    for part, source in template.sources_of(channel, locale):
        if part == "html":
            continue  # compiled with the layout and its styles, too expensive while a caller waits
        try:
            with spend(Budget(names)), blaming(place_of(locale, channel, part)):
                compiled = _own(source)
                if compiled is not None:
                    text = finish(part, run(compiled, names))
                    require_content({part: text}, [part] if part in required else [])
        except RenderError as error:
            yield part, error.in_line


@lru_cache(maxsize=256)
def _own(source: str) -> JinjaTemplate | None:
    """The compiled source; None if it depends on the reader."""
    sandbox = environment(autoescape=False, trim=True)
    with spend(Budget({})):
        return None if names_in(source, sandbox) & _OF_THE_READER else compile_source(source, sandbox)
