"""Which channels a letter takes, in what order, and who decided. Asked when a letter is accepted and when a run is
drawn up; what was decided travels with the job, so that a change of the route changes no letter under way.

What a caller names goes there, to all of it. Else the route of the category decides (the setting `routes`), else the
template. `enrich` cuts it down to what the user wants and has.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from chalicelib.configuration.setting_shapes import CategoryRoute
from chalicelib.errors import FieldError, Phrase
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.jobs import LetterRoute
from chalicelib.rendering.model import Template


class Plan(NamedTuple):
    """The channels of a letter; `route` is None where all are simply taken."""

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
    """What a setting names and nobody knows."""
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
