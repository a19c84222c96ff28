"""Which letters follow an event: the shape of the setting `event_rules`. Managers edit it, `services/event_intake.py`
applies it, and `enrich` checks for each waiting letter whether it is still needed."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from chalicelib.locales import lookup, speaks
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, normal_json

MAX_DELAY = timedelta(days=60)
MAX_STEPS = 20
EventType = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,4}$", max_length=100)]


class StopWhen(StrictModel):
    """A letter is no longer sent if the user's `attribute` has this value at the time of sending. `attribute` is
    `email_confirmed`, `locale`, `timezone`, or a name in the user's attributes."""

    attribute: Annotated[Line, Field(min_length=1, max_length=100)]
    equals: Annotated[str | bool | int | float | None, AfterValidator(normal_json)]

    def holds(self, facts: Mapping[str, Any]) -> bool:
        """Whether it applies. `facts` are the fields of a profile with its `attributes`; true is not 1, 2.0 is 2, and
        `en` matches `en-GB`."""
        found, wanted = facts.get(self.attribute, facts.get("attributes", {}).get(self.attribute)), self.equals
        if self.attribute == "locale" and isinstance(found, str) and isinstance(wanted, str):
            return speaks(found, lookup(wanted)[0])
        return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


class EventStep(StrictModel):
    """One letter of a sequence. `delay` counts from the event: seconds, or ISO 8601 such as `P1D`, `PT30M`."""

    template: Annotated[str, Field(min_length=1, max_length=64, description="key of a template")]
    category: Annotated[str | None, Field(description="default: the template's")] = None
    channels: Annotated[tuple[str, ...] | None, Field(min_length=1, max_length=10)] = None
    delay: Annotated[timedelta, Field(ge=timedelta(0), le=MAX_DELAY)] = timedelta(0)
    stop_when: StopWhen | None = None


class EventRule(StrictModel):
    """The letters that follow an event."""

    steps: Annotated[tuple[EventStep, ...], Field(max_length=MAX_STEPS)]


def default_rules() -> Mapping[str, EventRule]:
    """The rules unless somebody has set any; made on demand, since a worker that reads none builds no model."""
    confirmed = StopWhen(attribute="email_confirmed", equals=True)
    registered = EventRule(
        steps=(
            EventStep(template="welcome"),
            EventStep(template="confirm-reminder", delay=timedelta(days=1), stop_when=confirmed),
            EventStep(template="confirm-reminder", delay=timedelta(days=7), stop_when=confirmed),
        )
    )
    return {"user.registered": registered}
