"""Small templates and a renderer for the tests of this folder."""

from collections.abc import Mapping
from typing import Any

from chalicelib.manifest import CHANNELS
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Rendered, Renderer, Site

HTML = "<p>Hello</p>"  # of a letter that is about something else
SITE = Site(name="Cinema", url="https://cinema.example")


def renderer() -> Renderer:
    return Renderer(channels=CHANNELS, site=SITE)


def template(*, html: str = HTML, subject: str = "Hello", text: str | None = None, **fields: Any) -> Template:
    """A template in English, `locales` and all else to be changed by `fields`."""
    sources = {"email.subject": subject, "email.html": html} | ({} if text is None else {"email.text": text})
    return Template.model_validate(
        {
            "key": "letter",
            "version": 1,
            "category": "digest",
            "channels": ["email"],
            "default_locale": "en",
            "locales": {"en": sources},
            **fields,
        }
    )


def render(letter: Template, context: Mapping[str, Any] | None = None, **options: Any) -> Rendered:
    return renderer().render(letter, **{"channel": "email", "locale": "en", "context": context or {}, **options})


def rendered_text(source: str, context: Mapping[str, Any] | None = None, **options: Any) -> str:
    """What a source gives as the text part, without the line break at its end."""
    return render(template(text=source), context, **options).parts["text"].rstrip("\n")
