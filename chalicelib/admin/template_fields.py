"""What the pages of a template share: its fields as text, its versions and the changes between them."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from chalicelib.admin.page_requests import Visit
from chalicelib.admin.text_diff import Comparison
from chalicelib.categories import CATEGORIES
from chalicelib.errors import InvalidError, NotFoundError, Phrase, phrase_of
from chalicelib.etags import tag_of
from chalicelib.rendering.documents.document_sources import without_made
from chalicelib.rendering.model import AskedVersion, Template, Version, read_version
from chalicelib.stage.app import stage
from chalicelib.text import strict_json

_JSON = ("variables", "sample", "nothing_without")  # what is typed as JSON
_MOST_VERSIONS = 20


def asked_version(text: str | None) -> AskedVersion:
    """The version in an address or a form. Raises: NotFoundError (permanent)."""
    try:
        return read_version(text or "")
    except ValueError as error:
        raise NotFoundError(Phrase("there is no such version")) from error


def fields_of(template: Template) -> dict[str, Any]:
    """A template as it is stored again, without what its documents make."""
    return without_made(template.model_dump(mode="json", exclude={"key", "version", "hides"}))


def typed_about(visit: Visit, base: Template) -> dict[str, str]:
    """Title, category, and what is JSON, as text: what was typed, otherwise what is stored."""
    stored = fields_of(base)
    texts = {name: json.dumps(stored[name], ensure_ascii=False, indent=2) for name in _JSON}
    shown = {name: visit.typed(name) or text for name, text in {"category": base.category, **texts}.items()}
    return {"title": visit.typed("title") if "title" in visit.form else base.title, **shown}


def read_about(visit: Visit, base: Template) -> dict[str, Any]:
    """The same, to be stored. Raises: InvalidError (permanent)."""
    about = typed_about(visit, base)
    read = {name: _read_json(name, about[name]) for name in _JSON}
    return {"title": about["title"], "category": about["category"], **read}


def typed_sources(visit: Visit, base: Template) -> dict[str, dict[str, str]]:
    """The sources by locale and name, without those that documents make: what was typed, otherwise what is stored."""
    stored: Mapping[str, Mapping[str, str]] = fields_of(base)["locales"]
    return {
        locale: {name: _text(visit.form.get(f"source.{locale}.{name}"), source) for name, source in sources.items()}
        for locale, sources in stored.items()
    }


def common_values(visit: Visit, template: Template, newest: Template) -> dict[str, Any]:
    """What both the source page and the block editor show."""
    shipped = stage().templates.shipped(newest.key)
    return {
        "template": template,
        "newest": newest.version,
        "seen": tag_of(newest.fields),
        "versions": _versions(newest, shipped),
        "shipped": shipped,
        "shipped_changed": newest.hides_other_than(shipped),
        "sources": typed_sources(visit, template),
        "about": typed_about(visit, template),
        "categories": list(CATEGORIES),
        "changes": list(_changes(template)),
    }


def _read_json(name: str, text: str) -> Any:
    try:
        return strict_json(text)
    except ValueError as error:
        raise InvalidError.of(name, Phrase("expected JSON: {why}", why=phrase_of(error))) from error


def _text(typed: Any, stored: str) -> str:
    return stored if not typed else str(typed[0])


def _versions(newest: Template, shipped: Template | None) -> list[Version]:
    """The latest stored ones, newest first, then the one that came with the code."""
    stored = (
        range(newest.version, max(0, newest.version - _MOST_VERSIONS), -1) if isinstance(newest.version, int) else ()
    )
    return [*stored, *([shipped.version] if shipped else [])]


def _before(template: Template) -> Template | None:
    """The previous version; for the shipped one, the one that the newest stored version hides."""
    if isinstance(template.version, int) and template.version > 1:
        return stage().templates.get(template.key, template.version - 1)
    hidden = template.hides if isinstance(template.version, int) else stage().templates.get(template.key).hides
    try:
        return stage().templates.get(template.key, hidden) if hidden else None
    except NotFoundError:
        return None


def _changes(template: Template) -> Iterator[Mapping[str, Any]]:
    """Since the previous version, source by source."""
    if (before := _before(template)) is None:
        return
    comparison = Comparison()
    for locale, sources in template.locales.items():
        for name, source in sources.items():
            old = before.locales.get(locale, {}).get(name, "")
            if lines := list(comparison.unified(old.splitlines(), source.splitlines())):
                yield {"place": f"{locale} · {name}", "lines": lines}
