"""The invented cinema: its posters, and how its stand-in serves them."""

import asyncio
import io
import json

import pytest
from PIL import Image
from starlette.requests import Request

from infra.local.cinema import new_films
from infra.local.cinema import poster as cinema_poster
from infra.local.films import FILMS, Film
from infra.local.posters import HEIGHT, WIDTH, poster

MOST_BYTES = 60_000


def asked(path: str, **parameters: str) -> Request:
    """A call of the stand-in."""
    scope = {
        "type": "http", "method": "GET", "path": path, "query_string": b"", "scheme": "http", "root_path": "",
        "server": ("127.0.0.1", 8025), "headers": [], "path_params": parameters,
    }  # fmt: skip
    return Request(scope)


def test_every_film_has_a_poster_of_its_own() -> None:
    drawn = [poster(film.slug) for film in FILMS]

    assert len(set(drawn)) == len(FILMS)
    for one in drawn:
        picture = Image.open(io.BytesIO(one))
        assert (picture.format, picture.size) == ("JPEG", (WIDTH, HEIGHT))
        assert len(one) < MOST_BYTES


def test_a_poster_is_the_same_at_every_drawing() -> None:
    assert poster.__wrapped__(FILMS[0].slug) == poster(FILMS[0].slug)


def test_the_films_of_the_week_come_with_posters_that_are_there() -> None:
    films = json.loads(bytes(asyncio.run(new_films(asked("/cinema/new-films"))).body))

    assert films
    for film in films:
        assert film["poster"].startswith("http://127.0.0.1:8025/cinema/posters/")
        slug = film["poster"].rpartition("/")[2].removesuffix(".jpg")
        answer = asyncio.run(cinema_poster(asked("", slug=slug)))
        assert (answer.status_code, answer.media_type) == (200, "image/jpeg")


def test_there_is_no_poster_of_an_unknown_film() -> None:
    assert asyncio.run(cinema_poster(asked("", slug="nobody-knows"))).status_code == 404


@pytest.mark.parametrize("film", FILMS, ids=[film.slug for film in FILMS])
def test_a_film_is_told_in_every_language(film: Film) -> None:
    cards = [film.card(locale, posters="https://cinema.example") for locale in ("en", "ru")]

    assert all(all(card.values()) for card in cards)
    assert len({card["url"] for card in cards}) == len({card["poster"] for card in cards}) == 1
