"""Checks the e-mails of a template: renders each language, and asks every rule."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.errors import RenderError
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.lint.letter_page import read_page
from chalicelib.rendering.lint.model import Finding, Hit, LintedLetter
from chalicelib.rendering.lint.places import place_of_hit
from chalicelib.rendering.lint.registry import ERRORS, OF_LANGUAGES, RULES
from chalicelib.rendering.lint.severity import Severity
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import LINKS, Rendered, Renderer

CHANNEL = "email"
# As long as real ones, whose tokens count towards a letter's size; `.invalid` never resolves (RFC 2606).
LINK_HOST = "links.invalid"
_TOKEN = 200 * "x"
_MOST_OF_A_RULE = 20  # findings in one letter: the rest says nothing new


class Linted(NamedTuple):
    """A letter in one language with what was found, to be asked on about its links."""

    letter: LintedLetter
    findings: Sequence[Finding]


class Occasion(NamedTuple):
    """What the letters are made of besides the template: by default its own sample. `translations` are laid over the
    context, `locales` are those that readers get (by default all), `cids` the names of inline attachments; None: they
    come with each call, and are not known."""

    context: Mapping[str, Any] | None = None
    translations: Mapping[str, Mapping[str, Any]] = MappingProxyType({})
    locales: Collection[str] | None = None
    layout: Layout | None = None
    category: str | None = None
    cids: Collection[str] | None = None


SAMPLE = Occasion()


def sample_links(category: str) -> dict[str, str | None]:
    """Links as a letter of the category has them."""
    made: dict[str, str | None] = {name: f"https://{LINK_HOST}/{name}/{_TOKEN}" for name in LINKS}
    if (known := CATEGORIES.get(category)) and known.transactional:
        made["unsubscribe"] = None
    return made


def lint(template: Template, *, renderer: Renderer, occasion: Occasion = SAMPLE) -> list[Linted]:
    """Every letter that can be made; why one cannot is what `checks.check` says."""
    wanted = template.locales if occasion.locales is None else occasion.locales
    return [one for locale in template.locales if locale in wanted for one in _in(template, locale, renderer, occasion)]


def _in(template: Template, locale: str, renderer: Renderer, occasion: Occasion) -> Iterator[Linted]:
    if CHANNEL not in template.written_for:
        return
    category = occasion.category or template.category
    try:
        rendered = renderer.render(
            template,
            channel=CHANNEL,
            locale=locale,
            context=template.sample.context if occasion.context is None else _context(occasion, locale),
            user=template.sample.user,
            service=template.sample.service,
            links=sample_links(category),
            layout=occasion.layout,
            categories=[category],
        )
    except RenderError:
        return
    letter = letter_of(template, rendered, category=category, occasion=occasion)
    yield Linted(letter, list(findings_in(letter, template, RULES, occasion=occasion)))


def letter_of(template: Template, rendered: Rendered, *, category: str, occasion: Occasion = SAMPLE) -> LintedLetter:
    """`rendered` with `sample_links`."""
    parts = rendered.parts
    return LintedLetter(
        rendered.locale,
        parts["subject"],
        parts["html"],
        parts["text"],
        read_page(parts["html"]),
        unsubscribe=sample_links(category)["unsubscribe"],
        own_text=f"{CHANNEL}.text" in template.locales[rendered.locale],
        cids=occasion.cids,
        samples=sorted(_texts(template.sample.context), key=len, reverse=True) if occasion.context is None else (),
    )


def mistakes_in(letter: LintedLetter, template: Template) -> Iterator[Finding]:
    """Errors alone: why it may not be stored."""
    return findings_in(letter, template, [rule.__name__ for rule in ERRORS])


def findings_in(
    letter: LintedLetter, template: Template, codes: Iterable[str], *, occasion: Occasion = SAMPLE
) -> Iterator[Finding]:
    """Of the rules that `codes` name."""
    for code in codes:
        severity, rule = RULES[code]
        for n, hit in enumerate(rule(letter)):
            if n == _MOST_OF_A_RULE:
                break
            yield finding(code, severity, hit, letter.locale, template, occasion=occasion)


def finding(
    code: str, severity: Severity, hit: Hit, locale: str, template: Template, *, occasion: Occasion = SAMPLE
) -> Finding:
    """What a hit becomes once its place is known."""
    given = {f"translations.{locale}": occasion.translations.get(locale, {}), "context": occasion.context or {}}
    place, line = place_of_hit(hit, locale, template, given=given)
    return Finding(code, severity, place, hit.message, line, locale)


def of_languages(template: Template) -> Iterator[Finding]:
    """What shows only if the languages are compared."""
    for code, rule in OF_LANGUAGES.items():
        for locale, part, message in rule(template.locales):
            yield Finding(code, Severity.WARNING, f"locales.{locale}.{part}", message, locale=locale)


def _context(occasion: Occasion, locale: str) -> dict[str, Any]:
    return {**(occasion.context or {}), **occasion.translations.get(locale, {})}


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from (line for line in value.split("\n") if line.strip())
    elif isinstance(value, Mapping):
        yield from (text for one in value.values() for text in _texts(one))
    elif isinstance(value, list | tuple):
        yield from (text for one in value for text in _texts(one))
