"""Says what is wrong with a letter before it is accepted."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from chalicelib.categories import CATEGORIES
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.rendering.context import check_context
from chalicelib.rendering.finishing import missing_content
from chalicelib.rendering.model import Template

if TYPE_CHECKING:
    from chalicelib.rendering.render import Renderer


def check_letter(request: NotificationRequest, template: Template, *, renderer: "Callable[[], Renderer]") -> str:
    """The category of a letter, with all that can be known wrong before it is accepted: what depends on the context
    alone is rendered. Raises: InvalidError (permanent)."""
    category = request.category or template.category
    errors = []
    if category not in CATEGORIES:
        errors.append(FieldError("category", Phrase("expected one of {known}", known=", ".join(CATEGORIES))))
    for n, channel in enumerate(request.channels or ()):
        if channel not in CHANNELS:
            errors.append(FieldError(f"channels[{n}]", Phrase("expected one of {known}", known=", ".join(CHANNELS))))
        elif channel not in template.written_for:
            expected = ", ".join(template.written_for)
            errors.append(
                FieldError(
                    f"channels[{n}]",
                    Phrase("the template {key} is written for {channels}", key=template.key, channels=expected),
                )
            )
    try:
        check_context(template, request.context)
    except InvalidError as error:
        errors += error.errors or (FieldError("context", error.detail),)
    errors = errors or _content_errors(request, template, renderer)
    if errors:
        raise InvalidError(Phrase("the request cannot become a letter"), errors)
    return category


def _content_errors(
    request: NotificationRequest, template: Template, renderer: "Callable[[], Renderer]"
) -> list[FieldError]:
    from chalicelib.rendering.dry_run import try_letter  # here: it brings Jinja2, which most calls do without

    if missing := missing_content(template, request.context):
        return [
            FieldError(f"context.{path}", Phrase("is empty, and without it the letter has nothing to say"))
            for path in missing
        ]
    return try_letter(template, request.context, channels=request.channels or template.channels, renderer=renderer())
