"""The pages that people open from letters: small, in Russian and English, without scripts or foreign resources. The
views of this folder render them."""

import base64
import hashlib
import json
from collections.abc import Mapping
from functools import cache
from http import HTTPStatus
from typing import Any, NamedTuple

from chalice.app import Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from chalicelib.rendering.shipped import shipped_folder
from chalicelib.security.signing import ExpiredLinkError
from chalicelib.settings import settings

LANGUAGES: Mapping[str, str] = {"ru": "Русский", "en": "English"}


class _Look(NamedTuple):
    """What all pages share. The policy names the one style sheet by its hash, so that nothing else is applied."""

    environment: Environment
    css: Markup
    policy: str
    words: Mapping[str, Mapping[str, Any]]


def page(name: str, *, locale: str, status: HTTPStatus = HTTPStatus.OK, **values: Any) -> Response:
    """The page `templates/pages/<name>.html` in `locale`, with headers that keep its address from leaking."""
    look = _look()
    body = look.environment.get_template(f"{name}.html").render(
        locale=locale,
        say=look.words[locale],
        css=look.css,
        languages=LANGUAGES,
        site={"name": settings().site_name, "url": settings().site_url},
        **values,
    )
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Language": locale,
        "Content-Security-Policy": look.policy,
        **PRIVATE,
    }
    return Response(body, headers=headers, status_code=status.value)


def expired(error: ExpiredLinkError, token: str, *, locale: str, asked: bool = False) -> Response:
    """What every expired token leads to. It says nothing about the letter; its button may send a new link."""
    renewal = f"{settings().public_url}/new-link/{error.purpose.value}/{token}"
    return page("expired", locale=locale, status=HTTPStatus.GONE, asked=asked, renewal=renewal)


# The address of such a page is its reader's secret: no cache, no index, no Referer.
PRIVATE: Mapping[str, str] = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "X-Robots-Tag": "noindex, nofollow",
    "Vary": "Accept-Language",
}


def words(locale: str) -> Mapping[str, Any]:
    return _look().words[locale]


@cache
def _look() -> _Look:
    folder = shipped_folder() / "pages"
    css = (folder / "public.css").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    policy = (
        f"default-src 'none'; style-src 'sha256-{digest}'; img-src data:; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    )
    return _Look(
        environment=Environment(
            loader=FileSystemLoader(folder), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        ),
        css=Markup(css),  # noqa: S704 - a file of ours
        policy=policy,
        words={code: json.loads((folder / f"{code}.json").read_text(encoding="utf-8")) for code in LANGUAGES},
    )
