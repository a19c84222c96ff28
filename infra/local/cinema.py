"""Stands in for the cinema's own services on the local machine: the films of the week with their posters, and what a
viewer watched. The mailbox serves it (`--routes`); the demo campaigns (`infra/local/demo.py`) take their content
here."""

import zlib
from http import HTTPStatus

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from infra.local.films import FILMS

_OF_THE_WEEK = FILMS[:5]
_GENRES = ("детектив", "драма", "комедия")


async def new_films(request: Request) -> Response:
    """The films of the week."""
    posters = f"{str(request.base_url).rstrip('/')}/cinema/posters"
    return JSONResponse([film.card("ru", posters=posters) for film in _OF_THE_WEEK])


async def poster(request: Request) -> Response:
    """A film's poster."""
    from infra.local.posters import poster as drawn  # here: the mailbox begins without Pillow

    slug: str = request.path_params["slug"]
    if slug not in {film.slug for film in FILMS}:
        return Response(status_code=HTTPStatus.NOT_FOUND)
    picture = await run_in_threadpool(drawn, slug)
    return Response(picture, media_type="image/jpeg", headers={"Cache-Control": "public, max-age=86400"})


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
    return [
        Route("/cinema/new-films", new_films),
        Route("/cinema/posters/{slug}.jpg", poster),
        Route("/cinema/statistics", statistics, methods=["POST"]),
    ]
