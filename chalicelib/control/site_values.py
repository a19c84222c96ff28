"""The settings that managers change while the service runs: what each may be, and its default. `site_settings.py`
keeps them."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, BeforeValidator, Field, field_validator, model_validator

from chalicelib.addresses import normal_host, normal_url, same_address_key
from chalicelib.categories import CATEGORIES
from chalicelib.control.event_rules import EventRule, EventType, default_rules
from chalicelib.control.redirects import allowed_redirect
from chalicelib.control.routes import Cap, CategoryRoute
from chalicelib.strict import StrictModel
from chalicelib.text import Line

MAX_RULES = 200
_Days = Annotated[int, Field(ge=1, le=3650)]
_TimeOrNone = Annotated[Line, Field(pattern=r"^$|^([01][0-9]|2[0-3]):[0-5][0-9]$")]
_Host = Annotated[Line, Field(max_length=253, examples=["cinema.example"]), AfterValidator(normal_host)]
_MAILBOX = r"^[A-Za-z0-9._%+-]{1,64}@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$"

# Not the whole check of an address: every worker reads the settings, and starts without the validator.
_AN_ADDRESS = BeforeValidator(lambda text: same_address_key("email", text) if isinstance(text, str) else text)


class Sender(StrictModel):
    """Whom letters come from, and where answers to them go; empty: to the sender."""

    name: Annotated[Line, Field(min_length=1, max_length=70)]
    address: Annotated[str, _AN_ADDRESS, Field(max_length=254, pattern=_MAILBOX)]
    reply_to: Annotated[str, _AN_ADDRESS, Field(max_length=254, pattern=rf"^$|{_MAILBOX}")] = ""


class QuietHours(StrictModel):
    """When nothing but letters about the account arrives for who has set no quiet hours: local times such as `22:00`
    and `08:00`, or both empty for never."""

    starts: _TimeOrNone = ""
    ends: _TimeOrNone = ""

    @model_validator(mode="after")
    def _both_or_none(self) -> Self:
        if bool(self.starts) != bool(self.ends):
            raise ValueError("expected both times, or neither")
        if self.starts and self.starts == self.ends:
            raise ValueError("expected the two times to differ")
        return self

    @property
    def hours(self) -> tuple[str, str] | None:
        """From when to when, if at all."""
        return (self.starts, self.ends) if self.starts else None


class LinkDays(StrictModel):
    """How many days a link in a letter works."""

    confirmation: _Days = 3
    short: _Days = 180


class ConfirmationAgain(StrictModel):
    """The letter that "send it again" sends, and how many of them one user may get in how many minutes."""

    template: Annotated[str, Field(min_length=1, max_length=64)] = "confirm-reminder"
    letters: Annotated[int, Field(ge=1, le=100)] = 3
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 60


class AccountLetters(StrictModel):
    """How many letters of one template about accounts an address gets in how many minutes, whoever's they are."""

    letters: Annotated[int, Field(ge=1, le=1000)] = 5
    minutes: Annotated[int, Field(ge=1, le=10_080)] = 60


class SoftBounces(StrictModel):
    """So many soft bounces within so many days suppress an address for a while; older ones are forgotten."""

    letters: Annotated[int, Field(ge=1, le=100)] = 5
    within_days: Annotated[int, Field(ge=1, le=90)] = 14
    suppress_days: _Days = 30


class SiteValues(StrictModel):
    """Every setting by its name. A part of the service that needs one more adds a field here."""

    site_host: str = Field(exclude=True, description="the cinema's own: always allowed")
    mail_domain: str = Field(exclude=True, description="the one that SES has verified")
    sender: Sender
    redirect_url: Annotated[
        str, AfterValidator(normal_url), Field(description="where a confirmed user is sent; its host must be allowed")
    ]
    allowed_hosts: Annotated[
        frozenset[_Host], Field(max_length=100, description="hosts that links may lead to, beside the cinema's own")
    ] = frozenset()
    event_rules: Annotated[
        Mapping[EventType, EventRule], Field(max_length=MAX_RULES, description="event type → letters")
    ] = Field(default_factory=default_rules)
    routes: Annotated[
        Mapping[str, CategoryRoute], Field(description="category → channels, in order, and how they follow each other")
    ] = Field(default_factory=dict)
    caps: Annotated[Mapping[str, Cap], Field(description="category → the most letters to one user")] = Field(
        default_factory=dict
    )
    link_days: LinkDays = Field(default_factory=LinkDays)
    confirmation_again: ConfirmationAgain = Field(default_factory=ConfirmationAgain)
    account_letters: AccountLetters = Field(default_factory=AccountLetters)
    soft_bounces: SoftBounces = Field(default_factory=SoftBounces)
    quiet_hours: QuietHours = Field(default_factory=QuietHours)

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that a browser may be sent to."""
        return self.allowed_hosts | {self.site_host}

    @field_validator("routes", "caps")
    @classmethod
    def _known_categories(cls, by_category: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in by_category:
            if name not in CATEGORIES:
                raise ValueError(f"{name} is not one of {', '.join(CATEGORIES)}")
        return by_category

    @field_validator("caps")
    @classmethod
    def _account_is_never_capped(cls, caps: Mapping[str, Cap]) -> Mapping[str, Cap]:
        for name in caps:
            if CATEGORIES[name].transactional:
                raise ValueError(f"letters of the category {name} are not counted")
        return caps

    @model_validator(mode="after")
    def _redirect_stays_on_the_list(self) -> Self:
        if allowed_redirect(self.redirect_url, self.hosts) is None:
            known = ", ".join(sorted(self.hosts))
            raise ValueError(f"redirect_url must be an http or https address on one of the allowed hosts: {known}")
        return self

    @model_validator(mode="after")
    def _sender_is_verified(self) -> Self:
        domain = same_address_key("email", f"@{self.mail_domain}").removeprefix("@")
        if self.sender.address.rpartition("@")[2] != domain:
            raise ValueError(f"sender.address must be one of {self.mail_domain}: only that domain is verified")
        return self


NAMES = tuple(name for name, field in SiteValues.model_fields.items() if not field.exclude)
