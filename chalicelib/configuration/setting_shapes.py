"""The shapes of the settings that are more than one value: sender, routes, caps, quiet hours and other limits, and
which letters follow an event."""

import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from chalicelib.addresses import same_address_key
from chalicelib.errors import Phrase
from chalicelib.locales import lookup, speaks
from chalicelib.schemas import StrictModel, expecting
from chalicelib.text import Line, normal_json, shaped

MAX_DELAY = timedelta(days=60)
MAX_STEPS = 20
EventType = Annotated[
    str,
    shaped(
        r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*){0,4}$",
        Phrase("expected the name of an event, such as order.paid"),
        max_length=100,
    ),
]
MAX_MINUTES = 7 * 24 * 60
Mode = Literal["all", "first", "escalate"]
_Days = Annotated[int, Field(ge=1, le=3650)]
_TimeOrNone = Annotated[
    Line, shaped(r"^$|^([01][0-9]|2[0-3]):[0-5][0-9]$", Phrase("expected a time such as 18:00, or nothing"))
]
_MAILBOX = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"

# Not the full check of an address: every worker reads the settings, without loading the validator.
_AN_ADDRESS = BeforeValidator(lambda text: same_address_key("email", text) if isinstance(text, str) else text)


Mailbox = Annotated[
    str, _AN_ADDRESS, shaped(_MAILBOX, Phrase("expected an address such as letters@cinema.example"), max_length=254)
]


class CategoryRoute(StrictModel):
    """The channels of a category, in order. `all`: each of them; `first`: the first that works; `escalate`: the next
    one only if the letter was not opened within `after_minutes`. Channels that the template is not written for are left
    out."""

    channels: Annotated[tuple[str, ...], Field(min_length=1, max_length=10)]
    mode: Mode = "all"
    after_minutes: Annotated[int | None, Field(ge=1, le=MAX_MINUTES)] = None

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if len(set(self.channels)) != len(self.channels):
            raise ValueError(Phrase("expected each channel once"))
        if (self.mode == "escalate") != (self.after_minutes is not None):
            raise ValueError(Phrase("expected after_minutes with the mode escalate, and only with it"))
        return self


class Cap(StrictModel):
    """At most this many letters of a category to one user within this many days, on all channels together."""

    letters: Annotated[int, Field(ge=1, le=1000)]
    days: Annotated[int, Field(ge=1, le=90)]


class Sender(StrictModel):
    """The sender of letters, and where answers go; empty: to the sender."""

    name: Annotated[Line, Field(min_length=1, max_length=70)]
    address: Mailbox
    reply_to: Annotated[
        str,
        _AN_ADDRESS,
        shaped(
            rf"^$|{_MAILBOX}", Phrase("expected an address such as letters@cinema.example, or nothing"), max_length=254
        ),
    ] = ""


class Legal(StrictModel):
    """Who is behind the letters, in one language, as the law wants it in their footer: name and postal address of the
    company, and a line such as its registration number."""

    company: Annotated[Line, Field(min_length=1, max_length=200)]
    address: Annotated[Line, Field(max_length=300)] = ""
    line: Annotated[Line, Field(max_length=300)] = ""


class Logo(StrictModel):
    """A picture in the dark header of each letter, and how wide it is shown (CSS pixels); without one the site's name
    stands there."""

    url: Annotated[
        Line,
        shaped(
            r"^$|^https://[A-Za-z0-9.-]+(:[0-9]{1,5})?/[!#-;=?-~]*$",
            Phrase("expected an address that begins with https://, or nothing"),
            max_length=500,
        ),
    ] = ""
    width: Annotated[int, Field(ge=16, le=400)] = 160


class DefaultQuietHours(StrictModel):
    """When nothing but account letters arrives for users who have set no quiet hours: local times such as `22:00` and
    `08:00`, or both empty for never."""

    starts: _TimeOrNone = ""
    ends: _TimeOrNone = ""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.starts) != bool(self.ends):
            raise ValueError(Phrase("expected both times, or neither"))
        if self.starts and self.starts == self.ends:
            raise ValueError(Phrase("the two times must differ"))
        return self


class LinkDays(StrictModel):
    """How many days a link in a letter works."""

    confirmation: _Days = 3
    short: _Days = 180


UTM_GAPS = ("campaign", "template", "channel", "date")


def utm_template(text: str) -> str:
    """Raises: ValueError: it has a gap that nothing fills."""
    for gap in re.findall(r"\{([^{}]*)\}", text):
        if gap not in UTM_GAPS:
            known = ", ".join(f"{{{one}}}" for one in UTM_GAPS)
            raise ValueError(Phrase("{gap} is not one of {known}", gap=f"{{{gap}}}", known=known))
    return text


UtmTemplate = Annotated[Line, Field(max_length=100), AfterValidator(utm_template)]


class LinkRules(StrictModel):
    """What becomes of the links in letters that are not about the account. `clicks`: they lead through links of ours,
    which count. The UTM tags are put on links to the cinema's own host and its subdomains; without a source on none.
    `{campaign}`, `{template}`, `{channel}` and `{date}` are filled in."""

    clicks: bool = True
    utm_source: UtmTemplate = ""
    utm_medium: UtmTemplate = "{channel}"
    utm_campaign: UtmTemplate = "{campaign}"


class ConfirmationAgain(StrictModel):
    """The letter of "send it again", and how many one user may get within how many minutes."""

    template: Annotated[str, Field(min_length=1, max_length=64)] = "confirm-reminder"
    letters: Annotated[int, Field(ge=1, le=100)] = 3
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 60


class AddressLimit(StrictModel):
    """How many letters an address gets within how many minutes, whoever they are for; campaigns do not count."""

    letters: Annotated[int, Field(ge=1, le=1000)]
    minutes: Annotated[int, Field(ge=1, le=10_080)]


class AccountLetters(AddressLimit):
    """Account letters of one template."""

    letters: Annotated[int, Field(ge=1, le=1000)] = 5
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 60


class UnconfirmedLetters(AddressLimit):
    """All templates together, as long as nobody has confirmed the address."""

    letters: Annotated[int, Field(ge=1, le=1000)] = 20
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 1440


class SoftBounces(StrictModel):
    """This many soft bounces within this many days suppress an address for a while; older ones do not count."""

    letters: Annotated[int, Field(ge=1, le=100)] = 5
    within_days: Annotated[int, Field(ge=1, le=90)] = 14
    suppress_days: _Days = 30


class StopWhen(StrictModel):
    """A letter is no longer sent if the user's `attribute` has this value at the time of sending. `attribute` is
    `email_confirmed`, `locale`, `timezone`, or a name in the user's attributes."""

    attribute: Annotated[Line, Field(min_length=1, max_length=100)]
    equals: Annotated[
        str | bool | int | float | None,
        AfterValidator(normal_json),
        expecting(Phrase("expected a text, a number, true, false or null")),
    ]

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
    """The letters that follow an event. `enrich` checks for each that waits whether it is still needed."""

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
