"""All settings that managers change while the service runs, as one value, and which values go together."""

from collections.abc import Mapping
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from chalicelib.addresses import normal_host, normal_url, same_address_key
from chalicelib.categories import CATEGORIES
from chalicelib.configuration.setting_shapes import (
    AccountLetters,
    Cap,
    CategoryRoute,
    ConfirmationAgain,
    DefaultQuietHours,
    EventRule,
    EventType,
    Legal,
    LinkDays,
    LinkRules,
    Logo,
    Mailbox,
    Sender,
    SoftBounces,
    UnconfirmedLetters,
    default_rules,
)
from chalicelib.errors import Phrase
from chalicelib.locales import Locale
from chalicelib.schemas import StrictModel
from chalicelib.security.redirects import allowed_redirect
from chalicelib.text import Line, shaped

MAX_RULES = 200
_Host = Annotated[Line, Field(max_length=253, examples=["cinema.example"]), AfterValidator(normal_host)]


class SiteValues(StrictModel):
    """Every setting by its name. A part of the service that needs another one adds a field here."""

    site_host: str = Field(exclude=True, description="the cinema's own host: always allowed")
    mail_domain: str = Field(exclude=True, description="the domain that SES has verified")
    sender: Sender
    senders: Annotated[Mapping[str, Sender], Field(description="category → its sender, instead of `sender`")] = Field(
        default_factory=dict
    )
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
    caps: Annotated[Mapping[str, Cap], Field(description="category → most letters to one user")] = Field(
        default_factory=dict
    )
    link_days: LinkDays = Field(default_factory=LinkDays)
    letter_links: LinkRules = Field(default_factory=LinkRules)
    confirmation_again: ConfirmationAgain = Field(default_factory=ConfirmationAgain)
    account_letters: AccountLetters = Field(default_factory=AccountLetters)
    unconfirmed_letters: UnconfirmedLetters = Field(default_factory=UnconfirmedLetters)
    soft_bounces: SoftBounces = Field(default_factory=SoftBounces)
    quiet_hours: DefaultQuietHours = Field(default_factory=DefaultQuietHours)
    legal: Annotated[
        Mapping[Locale, Legal],
        Field(max_length=50, description="language → whose letters these are, in their footer"),
    ] = Field(default_factory=dict)
    logo: Logo = Field(default_factory=Logo)
    age_mark: Annotated[
        Line,
        shaped(
            r"^$|^[0-9]{1,2}\+$",
            Phrase("expected an age such as 18+, or nothing"),
            description="in each letter's footer, such as `18+`; empty: none",
        ),
    ] = ""

    test_addresses: Annotated[
        frozenset[Mailbox], Field(max_length=20, description="to which managers send test letters of campaigns")
    ] = frozenset()

    @property
    def hosts(self) -> frozenset[str]:
        """Every host that a browser may be sent to."""
        return self.allowed_hosts | {self.site_host}

    def sender_of(self, category: str) -> Sender:
        """Whom letters of a category are from."""
        return self.senders.get(category, self.sender)

    @field_validator("routes", "caps", "senders")
    @classmethod
    def _known_categories(cls, by_category: Mapping[str, Any]) -> Mapping[str, Any]:
        for name in by_category:
            if name not in CATEGORIES:
                raise ValueError(Phrase("{name} is not one of {known}", name=name, known=", ".join(CATEGORIES)))
        return by_category

    @field_validator("caps")
    @classmethod
    def _account_is_never_capped(cls, caps: Mapping[str, Cap]) -> Mapping[str, Cap]:
        for name in caps:
            if CATEGORIES[name].transactional:
                raise ValueError(Phrase("letters of the category {name} are not counted", name=name))
        return caps

    @model_validator(mode="after")
    def _redirect_stays_on_the_list(self) -> Self:
        if allowed_redirect(self.redirect_url, self.hosts) is None:
            known = ", ".join(sorted(self.hosts))
            raise ValueError(
                Phrase(
                    "redirect_url must be an http or https address on one of the allowed hosts: {known}", known=known
                )
            )
        return self

    @model_validator(mode="after")
    def _senders_are_verified(self) -> Self:
        domain = same_address_key("email", f"@{self.mail_domain}").removeprefix("@")
        of_categories = {f"senders.{category}": sender for category, sender in self.senders.items()}
        for place, sender in {"sender": self.sender, **of_categories}.items():
            if sender.address.rpartition("@")[2] != domain:
                raise ValueError(
                    Phrase(
                        "{place}.address must be one of {domain}: only that domain is verified",
                        place=place,
                        domain=self.mail_domain,
                    )
                )
        return self


NAMES = tuple(name for name, field in SiteValues.model_fields.items() if not field.exclude)
