"""Where a text that a rule has found in the rendered letter was written: a value of its context, a block, a source."""

from collections.abc import Iterator, Mapping

from chalicelib.rendering.lint.model import Hit
from chalicelib.rendering.model import Template

_LEAST_CHARS = 4  # a shorter text stands in many places


def place_of_hit(hit: Hit, locale: str, template: Template, *, given: Mapping[str, object]) -> tuple[str, int | None]:
    """A path such as `context.url` or `locales.en.email.html`, and the line there if what was found stands in it as it
    is. `given` are the values of a campaign by their place."""
    about = hit.about.strip('"')
    for path, value in given.items():
        if len(about) >= _LEAST_CHARS and (found := next(_paths(value, about, path), None)):
            return found, None
    if (place := _in_document(hit, about, locale, template)) is not None:
        return place, None
    sources = template.locales[locale]
    part = hit.part if f"email.{hit.part}" in sources else "html"
    source = sources.get(f"email.{part}", "")
    at = source.find(hit.about) if hit.about and "\n" in source else -1
    return f"locales.{locale}.email.{part}", source.count("\n", 0, at) + 1 if at >= 0 else None


def _in_document(hit: Hit, about: str, locale: str, template: Template) -> str | None:
    """The field of a letter made of blocks; None where only the line of its source tells."""
    path, document = f"documents.{locale}", template.documents.get(locale)
    if document is None:
        return None
    if hit.part in ("subject", "preheader"):
        return f"{path}.{hit.part}"
    return next(_paths(document, about, path), None) if len(about) >= _LEAST_CHARS else None


def _paths(value: object, text: str, path: str) -> Iterator[str]:
    """Of the strings that hold a text."""
    if isinstance(value, str):
        if text in value:
            yield path
    elif isinstance(value, Mapping):
        for name, one in value.items():
            yield from _paths(one, text, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        for n, one in enumerate(value):
            yield from _paths(one, text, f"{path}[{n}]")
