"""Decides about a letter before it is accepted: whether it can be one at all, and which channels it takes.

All channels that a caller names are used. Otherwise the category's route decides (the setting `routes`), otherwise the
template. The decision travels with the job, so that a changed route changes no letter on its way; `enrich` reduces it
to what the user has and wants.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.categories import CATEGORIES
from chalicelib.configuration.setting_shapes import CategoryRoute
from chalicelib.errors import FieldError, InvalidError, Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.jobs import LetterRoute
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


def check_letter(request: NotificationRequest, template: Template, *, renderer: "Callable[[], Renderer]") -> str:
    """The letter's category, after checking everything that can be known to be wrong before it is accepted: whatever
    depends on the context alone is rendered. Raises: InvalidError (permanent)."""
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
        raise InvalidError(Phrase("no letter can be made of this request"), errors)
    return category


def _content_errors(
    request: NotificationRequest, template: Template, renderer: "Callable[[], Renderer]"
) -> list[FieldError]:
    from chalicelib.rendering.dry_run import try_letter  # here: it loads Jinja2, which most calls do not need

    if missing := missing_content(template, request.context):
        return [
            FieldError(f"context.{path}", Phrase("is empty, and without it the letter has nothing to say"))
            for path in missing
        ]
    return try_letter(template, request.context, channels=request.channels or template.channels, renderer=renderer())
