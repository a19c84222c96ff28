"""The readers of a campaign by language: in which of them the letter has its texts, and what the others get."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from chalicelib.campaigns.languages import own_locale, untranslated
from chalicelib.campaigns.model import Campaign
from chalicelib.locales import lookup
from chalicelib.rendering.model import Template
from chalicelib.storage.users import Profile

MOST_LANGUAGES = 50  # of those that the template lacks; a cursor holds them all
OTHERS = "und"  # of no known language (ISO 639-2)


class ReaderLanguage(NamedTuple):
    """How many read a language, by the template's locale or else its bare code; whether all texts are in it
    (`has_content`); and the locale of their letter (`used`), None if they are left out."""

    locale: str
    people: int
    has_content: bool
    used: str | None

    @property
    def is_mixed(self) -> bool:
        """Whether their letter is half in another language."""
        return not self.has_content and self.used == self.locale


class ReaderLanguages:
    """Of one campaign with one version of its template; without a language somebody reads `default_locale`."""

    def __init__(self, spec: Campaign, template: Template, *, default_locale: str) -> None:
        self._spec, self._template = spec, template
        self._written = [one for one in template.locales if not untranslated(spec, template, one)]
        self._unknown = spec.locale or default_locale

    def count(self, people: Iterable[Profile], counted: Counter[str]) -> list[Profile]:
        """Adds them to those `counted` before, by language; returns who gets a letter."""
        getting = []
        for profile in people:
            name = self._name(profile.locale or self._unknown, counted)
            counted[name] += 1
            if self._used(name) is not None:
                getting.append(profile)
        return getting

    def of(self, counted: Mapping[str, int]) -> list[ReaderLanguage]:
        """The most read first."""
        return [
            ReaderLanguage(name, people, name in self._written, self._used(name))
            for name, people in sorted(counted.items(), key=lambda one: (-one[1], one[0]))
        ]

    def _name(self, locale: str, counted: Mapping[str, int]) -> str:
        wanted = lookup(locale)
        decided = self._written if self._spec.untranslated else ()
        for known in (decided, self._template.locales):
            if found := next((one for one in wanted if one in known), None):
                return found
        bare = wanted[-1]
        is_code = len(bare) in (2, 3) and bare.isascii() and bare.isalpha()
        return bare if is_code and (bare in counted or len(counted) < MOST_LANGUAGES) else OTHERS

    def _used(self, name: str) -> str | None:
        if name in self._written or (self._spec.untranslated is None and name in self._template.locales):
            return name
        return None if self._spec.untranslated == "skip" else own_locale(self._spec, self._template)
