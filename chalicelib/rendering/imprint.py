"""What the settings put into the layout: the logo in the header; the company and the age mark in the footer."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.locales import lookup

if TYPE_CHECKING:
    from chalicelib.configuration.site_values import SiteValues


class Imprint(NamedTuple):
    """`legal` is by language; `default` is the language for readers of any other."""

    legal: Mapping[str, Mapping[str, str]] = {}
    logo: Mapping[str, Any] | None = None
    age_mark: str = ""
    default: str = "en"

    @classmethod
    def of(cls, site: "SiteValues", *, default: str) -> "Imprint":
        legal = {locale: one.model_dump() for locale, one in site.legal.items()}
        logo = site.logo.model_dump() if site.logo.url else None
        return cls(legal, logo, site.age_mark, default)

    def names(self, locale: str) -> dict[str, Any]:
        """As `site.…` in a letter of this language."""
        wanted = (*lookup(locale), *lookup(self.default), *sorted(self.legal))
        legal = next((self.legal[one] for one in wanted if one in self.legal), None)
        return {"legal": legal, "logo": self.logo, "age_mark": self.age_mark}
