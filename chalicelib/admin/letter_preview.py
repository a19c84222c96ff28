"""A letter as somebody would get it, shown to managers."""

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

from chalice.app import Response
from markupsafe import escape

from chalicelib.errors import NotFoundError, RenderError, TooManyRequestsError
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.sms_segments import count_segments
from chalicelib.stage.app import stage
from chalicelib.storage.users import Profile
from chalicelib.translation import translated

# The frame may run nothing, send nothing and load nothing but the letter's own pictures.
_FRAME_POLICY = "default-src 'none'; img-src https: data:; style-src 'unsafe-inline'; frame-ancestors 'self'; sandbox"

_BODY = re.compile("<body[^<>]*>")
_SUBJECT = (
    "font: 600 16px/1.4 system-ui; padding: 12px 16px; background: #fff; color: #111; border-bottom: 1px solid #ddd"
)


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


def framed(letter: LetterPreview, *, language: str, with_subject: bool = False) -> Response:
    """The letter's HTML as the content of a frame, with the subject on top if the page itself does not show it. A
    problem is explained in the manager's `language`."""
    headers = {
        "Content-Type": "text/html; charset=utf-8",
        "Content-Security-Policy": _FRAME_POLICY,
        "Cache-Control": "no-store",
        "Referrer-Policy": "no-referrer",
    }
    shown = letter.html if letter.problem is None else str(escape(translated(letter.problem, locale=language)))
    if with_subject and letter.problem is None:
        shown = _BODY.sub(lambda body: f"{body[0]}<div style='{_SUBJECT}'>{escape(letter.subject)}</div>", shown, 1)
    return Response(shown, headers=headers, status_code=HTTPStatus.OK.value)


def framed_refusal(error: TooManyRequestsError, *, language: str) -> Response:
    """The same frame when too many previews were requested."""
    response = framed(LetterPreview(language, problem=error.detail), language=language)
    response.status_code = HTTPStatus.TOO_MANY_REQUESTS.value
    response.headers["Retry-After"] = str(error.retry_after_seconds)
    return response


def texts_of(template: Template, context: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """A template's SMS in each language with its segments, with the template's own sample."""
    if "sms" not in template.written_for:
        return
    for locale in template.locales:
        try:
            made = (
                stage()
                .new_renderer()
                .render(template, channel="sms", locale=locale, context=context, user=template.sample.user)
            )
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
