"""Stands in for the cinema's own services on the local machine: the films of the week, and what a viewer watched. The
mailbox serves it (`--routes`); the demo campaigns (`infra/local/demo.py`) take their content here."""

import zlib

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

_FILMS = (
    ("Тишина над рекой", "silence-over-the-river"),
    ("Последний сеанс", "the-last-show"),
    ("Письма с маяка", "letters-from-the-lighthouse"),
    ("Северный экспресс", "the-northern-express"),
    ("Сад, в котором всегда осень", "the-garden-of-autumn"),
)
_GENRES = ("детектив", "драма", "комедия")


async def new_films(_request: Request) -> Response:
    """The films of the week."""
    return JSONResponse([{"title": title, "url": f"https://cinema.example/films/{slug}"} for title, slug in _FILMS])


async def statistics(request: Request) -> Response:
    """What each of `user_ids` watched in the month: made up, and the same whenever it is asked."""
    user_ids: list[str] = (await request.json())["user_ids"]
    users = {}
    for user_id in user_ids:
        seed = zlib.crc32(user_id.encode())
        films = 1 + seed % 12
        users[user_id] = {"films": films, "hours": 2 * films, "genre": _GENRES[seed % len(_GENRES)]}
    return JSONResponse({"users": users})


def routes() -> list[Route]:
    """Under `/cinema`."""
    return [Route("/cinema/new-films", new_films), Route("/cinema/statistics", statistics, methods=["POST"])]
