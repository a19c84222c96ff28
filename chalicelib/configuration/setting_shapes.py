"""The shapes of the settings that are more than one value: sender, routes, caps, quiet hours and other limits."""

from typing import Annotated, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from chalicelib.addresses import same_address_key
from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line

MAX_MINUTES = 7 * 24 * 60
Mode = Literal["all", "first", "escalate"]
_Days = Annotated[int, Field(ge=1, le=3650)]
_TimeOrNone = Annotated[Line, Field(pattern=r"^$|^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_MAILBOX = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"

# Not the full check of an address: every worker reads the settings, without loading the validator.
_AN_ADDRESS = BeforeValidator(lambda text: same_address_key("email", text) if isinstance(text, str) else text)


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
    address: Annotated[str, _AN_ADDRESS, Field(max_length=254, pattern=_MAILBOX)]
    reply_to: Annotated[str, _AN_ADDRESS, Field(max_length=254, pattern=rf"^$|{_MAILBOX}")] = ""


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
