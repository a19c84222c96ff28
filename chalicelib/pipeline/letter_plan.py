"""Decides about a letter before it is accepted: whether it can be one at all, and which channels it takes.

All channels that a caller names are used. Otherwise the category's route decides (the setting `routes`), otherwise the
template. The decision travels with the job, so that a changed route changes no letter on its way; `enrich` reduces it
to what the user has and wants.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.configuration.setting_shapes import CategoryRoute
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.attachment_intake import attachment_errors
from chalicelib.pipeline.letter_parts import LetterRoute
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.rendering.context import check_context
from chalicelib.rendering.finishing import missing_content
from chalicelib.rendering.model import Template

if TYPE_CHECKING:
    from chalicelib.rendering.render import Renderer


class Plan(NamedTuple):
    """The channels of a letter; `route` is None if all are simply used."""

    channels: tuple[str, ...]
    route: LetterRoute | None = None


def plan_of(
    category: str, template: Template, *, named: Sequence[str] | None, routes: Mapping[str, CategoryRoute]
) -> Plan:
    """The plan of one letter."""
    if named:
        return Plan(tuple(dict.fromkeys(named)))
    route = routes.get(category)
    channels = [one for one in route.channels if one in template.written_for] if route else []
    if route is None or not channels:
        return Plan(tuple(dict.fromkeys(template.channels)))
    mode = "all" if len(channels) == 1 else route.mode
    rule = f"route {category}: {_told(mode, channels, route.after_minutes)}"
    return Plan(tuple(channels), LetterRoute(mode=mode, after_minutes=route.after_minutes, rule=rule))


def route_errors(routes: Mapping[str, CategoryRoute]) -> Iterable[FieldError]:
    """Unknown names in the setting."""
    for category, route in routes.items():
        for n, channel in enumerate(route.channels):
            if channel not in CHANNELS:
                yield FieldError(
                    f"value.{category}.channels[{n}]", Phrase("expected one of {known}", known=", ".join(CHANNELS))
                )


def _told(mode: str, channels: Sequence[str], minutes: int | None) -> str:
    listed = ", ".join(channels)
    if mode == "first":
        return f"the first that works of {listed}"
    return f"{listed}, the next if not opened in {minutes} min" if mode == "escalate" else f"all of {listed}"


def check_letter(
    request: NotificationRequest,
    template: Template,
    *,
    renderer: "Callable[[], Renderer]",
    translations: Mapping[str, Mapping[str, Any]] = MappingProxyType({}),
) -> str:
    """The letter's category, after checking everything that can be known to be wrong before it is accepted: whatever
    depends on the context alone is rendered, in each locale with its `translations`. Raises: InvalidError
    (permanent)."""
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
    errors += _context_errors(template, request.context)
    for locale, texts in translations.items():
        errors += _translation_errors(template, locale, request.context, texts)
    errors += attachment_errors(request.attachments, template)
    errors = errors or _content_errors(request, template, renderer, translations)
    if errors:
        raise InvalidError(Phrase("no letter can be made of this request"), errors)
    return category


def _context_errors(template: Template, context: Mapping[str, Any]) -> list[FieldError]:
    try:
        check_context(template, context)
    except InvalidError as error:
        return list(error.errors) or [FieldError("context", error.detail)]
    return []


def _translation_errors(
    template: Template, locale: str, context: Mapping[str, Any], texts: Mapping[str, Any]
) -> list[FieldError]:
    """Mistakes of the texts that are laid over a context; its own are told as such."""
    place = f"translations.{locale}"
    if locale not in template.locales:
        known = ", ".join(template.locales)
        return [FieldError(place, Phrase("the template {key} is written in: {known}", key=template.key, known=known))]
    return [
        one._replace(field=place + one.field.removeprefix("context"))
        for one in _context_errors(template, {**context, **texts})
        if one.field == "context" or re.split(r"[.\[]", one.field)[1] in texts
    ]


def _content_errors(
    request: NotificationRequest,
    template: Template,
    renderer: "Callable[[], Renderer]",
    translations: Mapping[str, Mapping[str, Any]],
) -> list[FieldError]:
    from chalicelib.rendering.dry_run import try_letter  # here: it loads Jinja2, which most calls do not need

    contexts = {f"translations.{locale}": {**request.context, **texts} for locale, texts in translations.items()}
    for place, context in {"context": request.context, **contexts}.items():
        if missing := missing_content(template, context):
            why = Phrase("is empty, and without it the letter has nothing to say")
            return [FieldError(f"{place}.{path}", why) for path in missing]
    channels = request.channels or template.channels
    return try_letter(template, request.context, channels=channels, renderer=renderer(), translations=translations)
