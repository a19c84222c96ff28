"""Renders the managers' pages: templates, texts, headers."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache, partial
from http import HTTPStatus
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlencode, urlsplit

from chalice.app import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from chalicelib.admin import number_format as figures
from chalicelib.admin.schedule_words import planned
from chalicelib.admin.zones import city_of
from chalicelib.errors import Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.reasons import ReasonFamily
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.settings import settings
from chalicelib.translation import translated

LANGUAGES: Mapping[str, str] = {"en": "English", "ru": "Русский"}
STATIC = {
    "admin.css": "text/css; charset=utf-8",
    "admin.js": "text/javascript; charset=utf-8",
    "htmx.js": "text/javascript; charset=utf-8",
    "letter_editor.css": "text/css; charset=utf-8",
    "letter_editor.js": "text/javascript; charset=utf-8",
    "letter_history.js": "text/javascript; charset=utf-8",
    "letter_writing.js": "text/javascript; charset=utf-8",
    "letter_pictures.js": "text/javascript; charset=utf-8",
    "list_upload.js": "text/javascript; charset=utf-8",
}


class Page(NamedTuple):
    """What a view shows: `templates/admin/<template>.html` with its values. `form`: what was typed, where the view has
    changed it."""

    template: str
    values: Mapping[str, Any] = {}
    status: HTTPStatus = HTTPStatus.OK
    retry_after_seconds: int | None = None  # for an answer that says too many requests
    form: Mapping[str, Sequence[str]] | None = None
    sends_to: str = ""  # where else its script may write


class Go(NamedTuple):
    """A redirect after an action; `done` names the message that the next page shows."""

    path: str
    done: str | None = None
    cookies: tuple[str, ...] = ()  # Set-Cookie lines
    leaves: bool = False  # after signing out the browser keeps nothing of what it has shown


def base_path() -> str:
    """What precedes every path of the app: the stage in an execute-api address, a domain's base path, or nothing. API
    Gateway's event has it in its paths, but never in the resource, by which Chalice routes."""
    return urlsplit(settings().public_url).path.rstrip("/")


def url(path: str, **query: object) -> str:
    """The address of one of our pages."""
    asked = {name: value for name, value in query.items() if value is not None}
    return f"{base_path()}{path}{'?' + urlencode(asked) if asked else ''}"


def page_policy(sends_to: str = "") -> str:
    """Nothing inline and nothing from elsewhere but pictures of the library; a letter's preview is a fully sandboxed
    frame."""
    also = f" {sends_to}" if sends_to else ""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{library()}; "
        f"connect-src 'self'{also}; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
    )


def library() -> str:
    """The pictures of the library, as a policy names them after others; nothing where their address is not known."""
    base = settings().media_url
    return f" {base}/" if base else ""


def render(page: Page, *, locale: str, **shared: Any) -> Response:
    """The page as an answer that no cache keeps and no other site can frame."""
    body = (
        _environment(locale, settings().default_timezone)
        .get_template(f"{page.template}.html")
        .render(languages=LANGUAGES, site=settings().site_name, **shared, **page.values)
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": locale,
        "Content-Security-Policy": page_policy(page.sends_to),
        "Cache-Control": "no-store",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Referrer-Policy": "same-origin",
        "X-Robots-Tag": "noindex, nofollow",
    }
    if page.retry_after_seconds is not None:
        headers["Retry-After"] = str(page.retry_after_seconds)
    return Response(body, headers=headers, status_code=page.status.value)


@cache
def words(locale: str) -> Mapping[str, Any]:
    texts: dict[str, Any] = json.loads((_folder() / "words" / f"{locale}.json").read_text(encoding="utf-8"))
    return texts


def said_plainly(text: str, *, locale: str) -> str:
    """A mistake as people say it: what a call is told of a value's type is said in other words, by `plain_mistakes`."""
    plain = words(locale)["plain_mistakes"]
    if not isinstance(text, Phrase) or text.msgid not in plain:
        return translated(text, locale=locale)
    empty = text.msgid.startswith("String should have at least") and text.params["n"] == 1
    return str(plain["Field required" if empty else text.msgid]).format(**text.params)


def why(reason: str, *, say: Mapping[str, Any]) -> str:
    """A reason in words; one that a newer release wrote stays as it is."""
    known: str | None = say["reasons"].get(reason)
    if known is None:
        for family in ReasonFamily:
            if reason.startswith(family):
                return str(say["reason_families"][family.name.lower()]).format(word=reason.removeprefix(family))
    return known or reason


def letter_title(key: str, *, say: Mapping[str, Any]) -> str:
    """What a template that comes with the service is called; the key of any other."""
    return str(say["letters"]["shipped"].get(key, key))


def queue_name(queue: str, *, say: Mapping[str, Any]) -> str:
    """What a queue is called: one of a channel by channel and lane; of a newer release, as it is."""
    for channel in CHANNELS.values():
        for lane, one in zip(("instant", "bulk"), channel.queues, strict=True):
            if one == queue:
                name: str = say["channels"][channel.name]
                return f"{name[0].upper()}{name[1:]}: {say['lanes'][lane]}"
    return str(say["queues"].get(queue, queue))


@cache
def static_file(name: str) -> bytes:
    """A file of STATIC. htmx comes from its package (`infra/assets.py`)."""
    return (_folder() / "static" / name).read_bytes()


@cache
def static_url(name: str) -> str:
    """Its address, which changes with its content, so that browsers may keep it for ever."""
    return url(f"/admin/static/{hashlib.sha256(static_file(name)).hexdigest()[:12]}/{name}")


def _folder() -> Path:
    return shipped_folder() / "admin"


@cache
def _environment(locale: str, zone: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_folder()),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals |= {"url": url, "static": static_url, "say": words(locale), "locale": locale, "zone": zone}
    environment.filters |= {
        "number": partial(figures.number, locale=locale),
        "share": partial(figures.share, locale=locale),
        "moment": partial(figures.moment, zone=zone, locale=locale),
        "clock": partial(figures.clock_time, zone=zone),
        "day_name": partial(figures.day_name, locale=locale),
        "weekday_name": partial(figures.weekday_name, locale=locale),
        "month_name": partial(figures.month_name, locale=locale),
        "duration": partial(figures.duration, units=words(locale)["units"]),
        "who": figures.who,
        "readable": figures.readable_url,
        "language": partial(figures.language_name, locale=locale),
        "why": partial(why, say=words(locale)),
        "letter_title": partial(letter_title, say=words(locale)),
        "queue_name": partial(queue_name, say=words(locale)),
        "told": partial(translated, locale=locale),
        "city": partial(city_of, locale=locale),
        "weekday_moment": partial(figures.weekday_moment, own=zone, locale=locale),
        "wall": partial(figures.wall_time, locale=locale),
        "planned": partial(planned, say=words(locale), locale=locale, zone=zone),
    }
    return environment
