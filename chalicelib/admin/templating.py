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
}


class Page(NamedTuple):
    """What a view shows: `templates/admin/<template>.html` with its values. `form`: what was typed, where the view has
    changed it."""

    template: str
    values: Mapping[str, Any] = {}
    status: HTTPStatus = HTTPStatus.OK
    retry_after_seconds: int | None = None  # for an answer that says too many requests
    form: Mapping[str, Sequence[str]] | None = None


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


def page_policy() -> str:
    """Nothing inline and nothing from elsewhere but pictures of the library; a letter's preview is a fully sandboxed
    frame."""
    return (
        f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:{library()}; "
        "connect-src 'self'; form-action 'self'; frame-src 'self'; base-uri 'none'; frame-ancestors 'none'"
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
        "Content-Security-Policy": page_policy(),
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


def why(reason: str, *, say: Mapping[str, Any]) -> str:
    """A reason in words; one that a newer release wrote stays as it is."""
    known: str | None = say["reasons"].get(reason)
    if known is None:
        for family in ReasonFamily:
            if reason.startswith(family):
                return str(say["reason_families"][family.name.lower()]).format(word=reason.removeprefix(family))
    return known or reason


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
        "duration": partial(figures.duration, units=words(locale)["units"]),
        "who": figures.who,
        "language": partial(figures.language_name, locale=locale),
        "why": partial(why, say=words(locale)),
        "told": partial(translated, locale=locale),
    }
    return environment
