"""A template with an English document of the given blocks."""

from typing import Any

from chalicelib.rendering.documents.document_sources import with_sources
from chalicelib.rendering.model import Template

VARIABLES = {
    "title": {"type": "string"},
    "url": {"type": "url"},
    "day": {"type": "date"},
    "price": {"type": "number", "required": False},
    "films": {"type": "list"},
    "month": {
        "type": "object",
        "fields": {"hours": {"type": "integer"}, "genre": {"type": "string", "required": False}},
    },
}
CONTEXT = {
    "title": "Low <Water>",
    "url": "https://cinema.example/1",
    "day": "2026-12-01",
    "films": [{"title": "First", "poster": "https://cinema.example/1.jpg"}, {"title": "Second"}],
    "month": {"hours": 3},
}


def template(*blocks: dict[str, Any], subject: str = "Tonight", preheader: str = "", **fields: Any) -> Template:
    """Before its sources are made."""
    body: dict[str, Any] = {
        "key": "premiere",
        "version": 1,
        "category": "marketing",
        "channels": ["email"],
        "default_locale": "en",
        "variables": VARIABLES,
        "sample": {"context": CONTEXT, "user": {"name": "Anna"}},
        "locales": {"en": {}},
        "documents": {"en": {"subject": subject, "preheader": preheader, "blocks": list(blocks)}},
    }
    return Template.model_validate({**body, **fields})


def text(words: str, **fields: Any) -> dict[str, Any]:
    return {"kind": "text", "text": words, **fields}


def letter(*blocks: dict[str, Any], **fields: Any) -> Template:
    return with_sources(template(*blocks, **fields))
