"""Settings that managers change while the service runs (`settings.py` holds those of a deployment). Workers see a
change within `KNOWN_FOR_SECONDS`, a visit of a link within `VISIT_SECONDS`.

site = site_settings().current()
site.redirect_url, site.link_days.short
"""

from collections.abc import Mapping
from email.utils import parseaddr
from time import monotonic
from typing import Annotated, Any, NamedTuple, Self

from pydantic import AfterValidator, Field, ValidationError, field_validator, model_validator

from chalicelib.addresses import normal_host, normal_url, same_address_key
from chalicelib.categories import CATEGORIES
from chalicelib.clock import Clock, rfc3339
from chalicelib.configuration.setting_shapes import (
    AccountLetters,
    Cap,
    CategoryRoute,
    ConfirmationAgain,
    DefaultQuietHours,
    EventRule,
    EventType,
    LinkDays,
    Sender,
    SoftBounces,
    UnconfirmedLetters,
    default_rules,
)
from chalicelib.errors import ConflictError, FieldError, InvalidError, NotFoundError, Phrase
from chalicelib.etags import Seen, tag_of
from chalicelib.observability import logger
from chalicelib.schemas import StrictModel, kept, recalled
from chalicelib.security.redirects import allowed_redirect, host_of
from chalicelib.storage.configuration import StoredSetting, read_settings, save_setting
from chalicelib.text import Line

KNOWN_FOR_SECONDS = 15
VISIT_SECONDS = 1  # for visits of links: thousands a second would each read the same rows
MAX_RULES = 200
_PUT_TRIES = 3
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
    confirmation_again: ConfirmationAgain = Field(default_factory=ConfirmationAgain)
    account_letters: AccountLetters = Field(default_factory=AccountLetters)
    unconfirmed_letters: UnconfirmedLetters = Field(default_factory=UnconfirmedLetters)
    soft_bounces: SoftBounces = Field(default_factory=SoftBounces)
    quiet_hours: DefaultQuietHours = Field(default_factory=DefaultQuietHours)

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


class Setting(NamedTuple):
    """One setting as the API shows it; version 0 is the default that nobody has changed."""

    name: str
    value: Any
    version: int = 0
    updated_at: str | None = None
    updated_by: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What `seen` is compared with."""
        if isinstance(self.value, dict):
            return {f"value.{name}": one for name, one in self.value.items()}
        return {"value": self.value}

    @property
    def tag(self) -> str:
        """Of the value, as a caller has seen it."""
        return tag_of(self.fields)


class SiteSettings:
    """The site's settings. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, site_url: str, mail_from: str, clock: Clock) -> None:
        name, address = parseaddr(mail_from)
        self._defaults: dict[str, Any] = {
            "site_host": host_of(normal_url(site_url)) or "",
            "redirect_url": site_url,
            "mail_domain": address.rpartition("@")[2],
            "sender": {"name": name or address, "address": address},
        }
        self._clock = clock
        self._known: tuple[float, Mapping[str, StoredSetting], SiteValues] | None = None
        self._writes = 0

    def current(self, *, fresh: bool = False, seconds: float = KNOWN_FOR_SECONDS) -> SiteValues:
        """All values, at most so many `seconds` old, or read now."""
        known, writes = self._known, self._writes
        if not fresh and known and monotonic() - known[0] < seconds:
            return known[2]
        rows = read_settings(NAMES)
        values = known[2] if known and known[1] == rows else self._values(rows)
        if writes == self._writes:  # otherwise another thread has written since, and this may be an older value
            self._known = (monotonic(), rows, values)
        return values

    def list(self) -> list[Setting]:
        rows = read_settings(NAMES)
        shown = self._values(rows).model_dump(mode="json")
        return [
            Setting(name, *rows[name]._replace(value=shown[name])) if name in rows else Setting(name, shown[name])
            for name in sorted(NAMES)
        ]

    def get(self, name: str) -> Setting:
        """One setting. Raises: NotFoundError (permanent)."""
        _require_known(name)
        return next(one for one in self.list() if one.name == name)

    def put(self, name: str, value: Any, *, by: str, seen: Seen | None = None) -> Setting:
        """Changes a setting; with `seen`, only if unchanged since. Raises: NotFoundError, InvalidError (it names each
        bad field), ConflictError, ChangedError (permanent: somebody else changed it)."""
        _require_known(name)
        for _ in range(_PUT_TRIES):
            rows = read_settings(NAMES)
            values = self._checked(rows, name, value)
            found = rows[name].version if name in rows else 0
            if seen is not None:
                before = self._values(rows).model_dump(mode="json")[name]
                seen.require(Setting(name, before).fields, what=Phrase("the setting {name}", name=name))
            setting = StoredSetting(values.model_dump(mode="json")[name], found + 1, rfc3339(self._clock()), by)
            try:
                saved = save_setting(name, setting)
            finally:  # what became of it may stay unknown
                self._writes += 1
                self._known = None
            if saved:
                return Setting(name, *setting)
        raise ConflictError(Phrase("the setting {name} is being changed by others: read it and try again", name=name))

    def checked(self, name: str, value: Any) -> Any:
        """The value as it would be stored. Raises: NotFoundError, InvalidError (permanent)."""
        _require_known(name)
        return self._checked(read_settings(NAMES), name, value).model_dump(mode="json")[name]

    def _checked(self, rows: Mapping[str, StoredSetting], name: str, value: Any) -> SiteValues:
        stored = {other: row.value for other, row in rows.items() if other != name}
        try:
            known = kept(recalled(SiteValues, {**self._defaults, **stored}))
            return SiteValues.model_validate({**self._defaults, **known, name: value})
        except ValidationError as error:
            from chalicelib.validation import mistakes_in  # here: no worker writes a setting

            raise InvalidError(
                Phrase("{name} is not as expected", name=name),
                [_in_value(one, name) for one in mistakes_in(error, whole=name)],
            ) from error

    def _values(self, rows: Mapping[str, StoredSetting]) -> SiteValues:
        values: dict[str, Any] = dict(self._defaults)
        # In this order, so that a redirect is judged by the hosts that are stored beside it.
        for name in sorted(rows):
            try:
                recalled(SiteValues, {**values, name: rows[name].value})
                values[name] = rows[name].value
            except ValidationError:
                # Written by another release. One such value must not stop every worker.
                logger().error("a stored setting is not understood, its default is used", setting=name)
        return recalled(SiteValues, values)


def _require_known(name: str) -> None:
    if name not in NAMES:
        raise NotFoundError(
            Phrase("there is no setting {name}; there are: {known}", name=name, known=", ".join(sorted(NAMES)))
        )


def _in_value(mistake: FieldError, name: str) -> FieldError:
    return mistake._replace(field=f"value{mistake.field.removeprefix(name)}")
