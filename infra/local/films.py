"""The programme of the invented cinema: what the demo campaigns, samples, tests and pictures of the documentation show.
Each has a poster of ours (`posters.py`)."""

from collections.abc import Mapping
from typing import NamedTuple


class Card(NamedTuple):
    """What a film's card says in one language."""

    title: str
    genre: str
    note: str


class Film(NamedTuple):
    """`slug` names its page and its poster."""

    slug: str
    year: str
    age: str
    cards: Mapping[str, Card]

    def card(self, locale: str, *, posters: str) -> dict[str, str]:
        """As the letters take it; `posters` is where the posters are served."""
        words = self.cards[locale]
        return {
            "title": words.title,
            "url": f"https://cinema.example/films/{self.slug}",
            "poster": f"{posters}/{self.slug}.jpg",
            "year": self.year,
            "genre": words.genre,
            "age": self.age,
            "note": words.note,
        }


def _film(slug: str, year: int, age: str, *, ru: tuple[str, str, str], en: tuple[str, str, str]) -> Film:
    return Film(slug, str(year), age, {"ru": Card(*ru), "en": Card(*en)})


FILMS = (
    _film(
        "silence-over-the-river", 2026, "12+",
        ru=("Тишина над рекой", "драма", "Два брата чинят старую переправу и впервые за десять лет говорят начистоту."),
        en=("Silence over the River", "drama", "Two brothers fix an old ferry and, for once, say what they mean."),
    ),
    _film(
        "the-last-show", 2025, "16+",
        ru=("Последний сеанс", "комедия", "Киномеханик прячет в будке съёмочную группу. Билетёрша догадывается."),
        en=("The Last Show", "comedy", "A projectionist hides a film crew in his booth. The usher isn’t fooled."),
    ),
    _film(
        "letters-from-the-lighthouse", 2024, "12+",
        ru=("Письма с маяка", "мелодрама", "Она отвечает на письма, которые сорок лет пролежали в бутылках."),
        en=("Letters from the Lighthouse", "romance", "She answers letters that spent forty years in bottles."),
    ),
    _film(
        "the-northern-express", 2026, "16+",
        ru=("Северный экспресс", "детектив", "Один вагон, семь пассажиров, восемь билетов."),
        en=("The Northern Express", "mystery", "One carriage, seven passengers, eight tickets."),
    ),
    _film(
        "the-garden-of-autumn", 2023, "6+",
        ru=("Сад, в котором всегда осень", "сказка", "Девочка находит калитку в октябрь и не спешит домой."),
        en=("The Garden of Autumn", "fairy tale", "A girl finds a gate into October and is in no hurry home."),
    ),
    _film(
        "far-light", 2026, "16+",
        ru=("Дальний свет", "триллер", "Дальнобойщик подвозит незнакомку. Утром её никто не помнит."),
        en=("Far Light", "thriller", "A trucker gives a stranger a lift. By morning, no one remembers her."),
    ),
    _film(
        "the-cat-who-knew", 2025, "0+",
        ru=("Кот, который всё знал", "семейное кино", "Семья переезжает каждый год. Кот против, и у него есть план."),
        en=("The Cat Who Knew", "family", "The family moves every year. The cat’s against it, and he has a plan."),
    ),
    _film(
        "archive-no-7", 2026, "16+",
        ru=("Архив №\u00a07", "фантастика", "Из хранилища памяти пропал один день. У всех сразу."),
        en=("Archive No.\u00a07", "sci-fi", "A day has gone missing from the memory vault. Everyone’s day."),
    ),
    _film(
        "salt-and-wind", 2024, "12+",
        ru=("Соль и ветер", "приключения", "Вокруг света на яхте, которую построили в гараже."),
        en=("Salt and Wind", "adventure", "Around the world in a boat built in a garage."),
    ),
    _film(
        "the-moon-repair-shop", 2025, "0+",
        ru=("Мастерская по ремонту луны", "анимация", "По ночам дед с внучкой чинят луну. Не хватает детали."),
        en=("The Moon Repair Shop", "animation", "A grandfather and a girl fix the moon by night. One part’s missing."),
    ),
)  # fmt: skip
