"""Where in a template's sources stands what a rule has found in the rendered letter."""

from chalicelib.rendering.lint.model import Hit
from chalicelib.rendering.model import Template


def place_of_hit(hit: Hit, locale: str, template: Template) -> tuple[str, int | None]:
    """A path such as `locales.en.email.html`, and the line there if what was found stands in it as it is."""
    sources = template.locales[locale]
    part = hit.part if f"email.{hit.part}" in sources else "html"
    source = sources.get(f"email.{part}", "")
    at = source.find(hit.about) if hit.about and "\n" in source else -1
    return f"locales.{locale}.email.{part}", source.count("\n", 0, at) + 1 if at >= 0 else None
