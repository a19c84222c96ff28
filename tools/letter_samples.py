"""What the pictures and the figures of the shipped letters are made with: the templates' own samples, in the letter's
language."""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from chalicelib.manifest import CHANNELS
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer, Site
from chalicelib.rendering.template_store import TemplateStore
from infra.local.films import FILMS, Film

SITE = Site(name="Кинозал", url="https://cinema.example")
POSTERS = f"{SITE.url}/posters"
LINKS = {
    "unsubscribe": "https://notify.cinema.example/unsubscribe/8Zq1.Xw",
    "preferences": "https://notify.cinema.example/preferences/8Zq1.Xw",
    "view": "https://notify.cinema.example/view/8Zq1.Xw",
}
_NAMES = {"ru": "Анна", "en": "Anna"}
_BY_SLUG: Mapping[str, Film] = {film.slug: film for film in FILMS}


class Shown(NamedTuple):
    """A shipped letter in one language, as its reader gets it."""

    key: str
    locale: str
    subject: str
    html: str
    text: str


def shipped_letters(*, name: bool = True) -> Iterator[Shown]:
    """Every shipped e-mail in every language; without `name` nobody is greeted by name."""
    store, renderer = TemplateStore(), Renderer(channels=CHANNELS, site=SITE)
    for template in store.everything():
        if "email" in template.written_for:
            for locale in template.locales:
                yield shown(renderer, template, locale, name=name)


def shown(renderer: Renderer, template: Template, locale: str, *, name: bool = True) -> Shown:
    """One of them."""
    sample = template.sample
    user = {**sample.user, "name": _NAMES.get(locale, "Anna") if name else None}
    links = LINKS if template.category != "account" else {}
    made = renderer.render(
        template,
        channel="email",
        locale=locale,
        context={**sample.context, **_context(template.key, locale)},
        user=user,
        service=sample.service,
        links=links,
    )
    return Shown(template.key, locale, made.parts["subject"], made.parts["html"], made.parts["text"])


def _context(key: str, locale: str) -> Mapping[str, Any]:
    """What differs from the sample: its words in another language, its posters."""
    words = _ENGLISH.get(key, {}) if locale == "en" else {}
    language = "ru" if locale == "ru" else "en"
    return {**words, **{name: value(language) for name, value in _FILMS.get(key, {}).items()}}


def _card(slug: str, language: str) -> Mapping[str, Any]:
    return _BY_SLUG[slug].card(language, posters=POSTERS)


_FILMS: Mapping[str, Mapping[str, Any]] = {
    "new-episode": {"poster": lambda _: f"{POSTERS}/far-light.jpg"},
    "weekly-digest": {"films": lambda language: [_card(film.slug, language) for film in FILMS[:5]]},
    "statistics": {
        "statistics": lambda language: {
            "films": 7,
            "hours": 19,
            "genre": _BY_SLUG["the-northern-express"].cards[language].genre,
            "favourite": _card("the-northern-express", language),
        }
    },
}
_ENGLISH: Mapping[str, Mapping[str, Any]] = {
    "birthday": {"gift": "A month of films on us"},
    "collected": {
        "items": [
            {
                "title": "Far Light: new episode",
                "text": "Season 2, episode 5, “The Return”, is out.",
                "url": "https://cinema.example/series/far-light/s2e5",
            },
            {"title": "Half-price month", "text": "", "url": "https://cinema.example/promo/november"},
        ]
    },
    "new-episode": {
        "series": "Far Light",
        "title": "The Return",
        "about": "A truck by the roadside, engine running, nobody in the cab.",
    },
    "promo": {
        "headline": "A month of films at half price",
        "text": "Until the end of November a subscription costs half as much: every premiere, every classic and not a "
        "single ad break.\n\nComing back after a pause? It’s for you, too.",
    },
}
