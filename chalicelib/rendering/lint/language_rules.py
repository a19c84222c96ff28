"""Whether the languages of a template say the same, each in its own script."""

import re
from collections.abc import Iterator, Mapping

from chalicelib.errors import Phrase
from chalicelib.rendering.lint.model import Hit, LintedLetter

_CYRILLIC = frozenset({"ru", "uk", "be", "bg", "mk"})
_LATIN = frozenset({"cs", "da", "de", "en", "es", "et", "fi", "fr", "hr", "hu", "id", "it", "lt", "lv", "nb", "nl"}) | {
    *("pl", "pt", "ro", "sk", "sl", "sv", "tr", "vi")
}
_LEAST_LETTERS = 40  # fewer tell nothing: a title, a name
_MOST_STRANGE = 0.4  # titles of films may be foreign
_TAGS = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}|<[^<>]*>", re.DOTALL)
_LETTER = re.compile(r"[^\W\d_]")
_CYRILLIC_LETTER = re.compile("[\u0400-\u052f]")
_LATIN_LETTER = re.compile("[A-Za-z\u00c0-\u024f\u1e00-\u1eff]")
_DATA = (".calendar", ".template")  # names and times, not words
_LEAST_ALIKE = 12  # letters that are the same in two languages by no chance


def another_language(letter: LintedLetter) -> Iterator[Hit]:
    """Much of the text is in another script than the language has: a text was not translated."""
    language = letter.locale.split("-")[0]
    own = _CYRILLIC_LETTER if language in _CYRILLIC else _LATIN_LETTER if language in _LATIN else None
    if own is None or "-Latn" in letter.locale or "-Cyrl" in letter.locale:
        return
    text = f"{letter.subject} {letter.page.text}"
    for sample in letter.samples:
        text = text.replace(sample, " ")
    letters = len(_LETTER.findall(text))
    if letters >= _LEAST_LETTERS and letters - len(own.findall(text)) > _MOST_STRANGE * letters:
        yield Hit(Phrase("much of the text is in another language than `{locale}`", locale=letter.locale))


def missing_parts(locales: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, Phrase]]:
    """By locale and part: what some languages have and another lacks."""
    every = dict.fromkeys(part for sources in locales.values() for part in sources)
    for locale, sources in locales.items():
        for part in every:
            if part not in sources:
                has = ", ".join(other for other, written in locales.items() if part in written)
                yield locale, part, Phrase("it is missing here, and is there in {locales}", locales=has)


def untranslated_parts(locales: Mapping[str, Mapping[str, str]]) -> Iterator[tuple[str, str, Phrase]]:
    """By locale and part: what says the same words as an earlier language."""
    seen: dict[tuple[str, str], str] = {}
    for locale, sources in locales.items():
        for part, source in sources.items():
            if part.endswith(_DATA):
                continue
            words = " ".join(_TAGS.sub(" ", source).split())
            first = seen.setdefault((part, words), locale)
            related = first.split("-")[0] == locale.split("-")[0]
            if not related and " " in words and len(_LETTER.findall(words)) >= _LEAST_ALIKE:
                yield locale, part, Phrase("it is the same as in {locale}: expected a translation", locale=first)
