"""A letter as somebody would get it, shown to managers."""

import re
from collections.abc import Iterator, Mapping, Sequence
from html import unescape
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, NamedTuple

from chalice.app import Response
from markupsafe import escape

from chalicelib.admin.sample_pictures import with_sample_pictures
from chalicelib.admin.templating import library
from chalicelib.errors import NotFoundError, RenderError, TooManyRequestsError
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.sms_segments import count_segments
from chalicelib.stage.app import stage
from chalicelib.storage.users import Profile
from chalicelib.translation import translated

_BODY = re.compile("<body[^<>]*>")
_BAR = "font: 14px/1.4 system-ui; padding: 10px 16px; border-bottom: 1px solid #ddd; overflow-wrap: anywhere; "
_SUBJECT = f"{_BAR}background: #fff; color: #111"
_NOTE = f"{_BAR}background: #fdf1da; color: #7a4b00"
_TEXT = (
    "font: 15px/1.5 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; margin: 0; padding: 16px"
)
# What a mail program decides by its reader's settings, a preview is told.
_DARK = re.compile(r"\(\s*prefers-color-scheme\s*:\s*dark\s*\)")
_SCHEMES = re.compile(r"(<meta name=.color-scheme. content=.)[a-z ]+")
_PREHEADER = re.compile(r"<div class=.preheader.[^>]*>(.*?)</div>", re.DOTALL)
_FILLER = re.compile(r"[\u200b\u200c\u034f\xa0\u2007\xad\s]+$")


class LetterPreview(NamedTuple):
    """`problem` says why there is none."""

    locale: str
    subject: str = ""
    html: str = ""
    text: str = ""
    problem: str | None = None


def letter_for(
    template: Template,
    context: Mapping[str, Any],
    *,
    user_id: str,
    locale: str,
    renderer: Renderer,
    layout: Layout | None = None,
) -> LetterPreview:
    """The e-mail for a real user, or with the template's own sample if none is named; in the layout of this code unless
    another is given. Raises: UnavailableError (retryable)."""
    user: Mapping[str, Any] = template.sample.user
    if user_id:
        try:
            user = _user(stage().directory.get(user_id))
        except NotFoundError as error:
            return LetterPreview(locale, problem=error.detail)
    try:
        made = renderer.render(
            template,
            channel="email",
            locale=locale,
            context=context,
            user=user,
            service=template.sample.service,
            layout=layout,
        )
    except RenderError as error:
        return LetterPreview(locale, problem=error.detail)
    return LetterPreview(
        made.locale, made.parts.get("subject", ""), made.parts.get("html", ""), made.parts.get("text", "")
    )


def framed(
    letter: LetterPreview, *, language: str, with_subject: bool = False, look: str = "", notes: Sequence[str] = ()
) -> Response:
    """The letter's HTML as the content of a frame, with the subject on top if the page itself does not show it, as a
    list of letters does. `look`: `dark`, `text`, otherwise light; without one, as the browser is. `notes` say what
    is not shown. A problem is explained in the manager's `language`."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _frame_policy(),
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    told = "".join(f"<div style='{_NOTE}'>{escape(one)}</div>" for one in notes)
    if letter.problem is not None:
        shown = told + str(escape(translated(letter.problem, locale=language)))
        return Response(shown, headers=headers, status_code=HTTPStatus.OK.value)
    bar = f"<div style='{_SUBJECT}'><b>{escape(letter.subject)}</b> {escape(_preheader_of(letter.html))}</div>"
    above = told + bar if with_subject else told
    shown = (
        f"<!doctype html><body><pre style='{_TEXT}'>{escape(letter.text)}</pre>"
        if look == "text"
        else with_sample_pictures(letter.html)
    )
    shown = _in_scheme(shown, "dark" if look == "dark" else "light") if look else shown
    shown = _BODY.sub(lambda body: f"{body[0]}{above}", shown, count=1)
    return Response(shown, headers=headers, status_code=HTTPStatus.OK.value)


def _in_scheme(html: str, scheme: str) -> str:
    html = _SCHEMES.sub(lambda found: f"{found[1]}{scheme}", html)
    return _DARK.sub("all" if scheme == "dark" else "not all", html)


def _preheader_of(html: str) -> str:
    """What a list of letters shows after the subject."""
    found = _PREHEADER.search(html)
    return _FILLER.sub("", unescape(found[1])) if found else ""


def _frame_policy() -> str:
    """The frame may run nothing, send nothing and load nothing but the letter's own pictures."""
    pictures = f"https: data:{library()}"
    return f"default-src 'none'; img-src {pictures}; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"


def framed_refusal(error: TooManyRequestsError, *, language: str) -> Response:
    """The same frame when too many previews were requested."""
    response = framed(LetterPreview(language, problem=error.detail), language=language)
    response.status_code = HTTPStatus.TOO_MANY_REQUESTS.value
    response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def language_of(user_id: str) -> str | None:
    """The language of a user, if it is known. Raises: UnavailableError (retryable)."""
    try:
        return stage().directory.get(user_id).locale if user_id else None
    except NotFoundError:
        return None


def texts_of(
    template: Template,
    context: Mapping[str, Any],
    translations: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> Iterator[Mapping[str, Any]]:
    """A template's SMS in each language with its segments, with the template's own sample."""
    if "sms" not in template.written_for:
        return
    for locale in template.locales:
        names, user = {**context, **translations.get(locale, {})}, template.sample.user
        try:
            made = stage().new_renderer().render(template, channel="sms", locale=locale, context=names, user=user)
        except RenderError as error:
            yield {"locale": locale, "text": error.detail, "length": None}
            continue
        yield {"locale": locale, "text": made.parts["text"], "length": count_segments(made.parts["text"])}


def _user(profile: Profile) -> Mapping[str, Any]:
    return {
        "name": profile.name,
        "email": profile.email,
        "timezone": profile.timezone,
        "attributes": dict(profile.attributes),
    }
