"""The only place that reads the environment. Resource names follow `vestnik-<stage>-<thing>`, so that the two
deployables (the infra stack and the Chalice app) need none of each other's outputs."""

import os
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model, model_validator

from chalicelib.manifest import RATES, Subsystem, rate_setting

_STARTED_BY = "AWS_LAMBDA_INITIALIZATION_TYPE"

if TYPE_CHECKING:
    _Rates = BaseModel
else:  # a setting for each subsystem; `Settings.rate` reads it
    _Rates = create_model(
        "_Rates",
        __config__=ConfigDict(defer_build=True),  # only `Settings` is ever read
        **{
            rate_setting(name): (float, Field(default=rate, gt=0, description=f"{counts}, both lanes"))
            for name, (rate, counts) in RATES.items()
        },
    )


class Settings(_Rates):
    """A stage's settings, declared once: the templates' parameters, the functions' environments and docs/settings.md
    follow from here (`infra/variables.py`). A missing or wrong one stops the cold start with its name; no hidden
    default differs between stages."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    stage: str = Field(
        pattern=r"^[a-z][a-z0-9]{0,15}$",
        description="the stage's name, 1–16 lower-case letters and digits; part of the name of every resource",
        examples=["prod"],
    )
    public_url: str = Field(
        pattern=r"^https?://[^\s]+[^/\s]$",
        description="base of every link in a letter, without a slash at its end; a stage may leave it empty: the "
        "address that API Gateway gives",
        examples=["https://notify.cinema.example"],
    )
    mail_from: str = Field(
        pattern=r"^([^<>,\r\n]*<[^\s<>@,]+@[^\s<>@,]+\.[^\s<>@,]+>|[^\s<>@,]+@[^\s<>@,]+\.[^\s<>@,]+)$",
        description="the sender of every letter: `Name <address>`",
        examples=["Cinema <news@cinema.example>"],
    )
    tracking_domain: str = Field(
        default="",
        pattern=r"^([a-z0-9]([a-z0-9.-]*[a-z0-9])?(:\d{1,5})?)?$",
        description="a host of yours through which SES leads the links of mailings, by https, to report openings and "
        "clicks; empty: mailings are sent as they are written, and visits of short links alone are counted",
        examples=["track.cinema.example"],
    )
    media_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s]+[^/\s])?$",
        description="base of the addresses of pictures in letters, without a slash at its end; empty: the address that "
        "CloudFront gives",
        examples=["https://media.cinema.example"],
    )
    site_url: str = Field(
        pattern=r"^https?://[^\s]+$", description="the cinema's main page", examples=["https://cinema.example"]
    )
    site_name: str = Field(min_length=1, description="the cinema's name in letters")
    default_locale: str = Field(
        default="ru", pattern=r"^[a-z]{2}$", description="the language of those who have chosen none", examples=["en"]
    )
    default_timezone: str = Field(default="Europe/Moscow", description="the time zone of those who have chosen none")
    retention_days: int = Field(default=90, ge=1, description="how long the ledger keeps a notification")
    lease_seconds: int = Field(default=60, ge=1, description="how long a claim is its owner's; ≥ the worker's timeout")
    reconcile_seconds: int = Field(
        default=300, ge=0, description="how long after its lease a claim may wait for the provider's word"
    )
    retry_seconds: int = Field(default=30, ge=0, description="delay of the first retry; it doubles up to 15 minutes")
    bulk_share: float = Field(default=0.8, gt=0, lt=1, description="the bulk lane's part of every limit")
    profiles_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/@?#]+([/?#][^\s]*)?)?$",
        description="the cinema's user service, by https unless private addresses are allowed; empty: our directory",
        examples=["https://users.cinema.example/batch"],
    )
    profiles_timeout_seconds: float = Field(default=3, gt=0, description="how long the cinema's user service may take")
    switch_failures: int = Field(default=5, ge=1, description="consecutive failures that open a switch")
    switch_window_seconds: int = Field(default=60, ge=1, description="failures further apart are not consecutive")
    probe_seconds: int = Field(default=60, ge=1, description="one call in so long through a switch that is open")
    ramp_seconds: int = Field(default=300, ge=1, description="from 10 % to the full rate after an outage")
    max_attempts: int = Field(default=8, ge=1, description="tries of one delivery before it is failed")
    private_addresses: bool = Field(
        default=False,
        description="whether sources of content and webhooks may lie inside, and do without TLS; the local stage's do",
    )
    campaign_approval: bool = Field(
        default=False,
        description="whether a campaign, and a change of `sender`, `senders`, `logo`, `allowed_hosts` or "
        "`redirect_url`, waits for another manager's word",
    )
    second_factor: Literal["required", "offered"] = Field(
        default="offered",
        description="`required`: a manager without a second factor reaches only *Account*, to set one up",
    )
    live_url: str = Field(
        pattern=r"^wss?://[^\s]+[^/\s]$",
        description="where clients open their WebSocket, likewise",
        examples=["wss://live.cinema.example"],
    )
    live_management_url: str = Field(
        default="", description="where frames are posted; empty on AWS, where it follows from the API's id"
    )
    live_origins: str = Field(
        default="", description="origins of pages that may open a WebSocket, besides the site's and the service's own"
    )
    sms_sender: str = Field(
        default="",
        pattern=r"^([A-Za-z0-9]{1,11})?$",
        description="the name that texts come from, where a country allows one",
        examples=["Cinema"],
    )
    whatsapp_sender: str = Field(
        default="",
        pattern=r"^(phone-number-id-[0-9a-z]+|arn:[^\s]+:phone-number-id/[0-9a-zA-Z]+)?$",
        description="id of the number that WhatsApp messages come from (AWS End User Messaging Social); empty: "
        "there is none, and they wait",
        examples=["phone-number-id-0123456789abcdef0123456789abcdef"],
    )
    push_ios: str = Field(
        default="",
        pattern=r"^(arn:[^\s]+)?$",
        description="ARN of the SNS platform application for iOS; empty: no such devices",
        examples=["arn:aws:sns:eu-central-1:111122223333:app/APNS/vestnik-prod-ios"],
    )
    push_android: str = Field(
        default="",
        pattern=r"^(arn:[^\s]+)?$",
        description="the same for Android (FCM)",
        examples=["arn:aws:sns:eu-central-1:111122223333:app/GCM/vestnik-prod-android"],
    )
    chat_kinds: str = Field(
        default="tgram slack discord",
        description="kinds of chats that apprise may call; those that name a host of their own (`json`, `mmost`) are "
        "called only where private addresses are allowed",
    )
    spam_filter_url: str = Field(
        default="",
        pattern=r"^(https?://[^\s/@?#]+)?$",
        description="a spam filter that speaks rspamd's protocol, asked when the links of a letter are checked; empty: "
        "no score is measured",
        examples=["http://127.0.0.1:11333"],
    )
    live_demo: bool = Field(default=False, description="guests may chat without a ticket, and /live-demo is served")

    @model_validator(mode="after")
    def _profiles_travel_sealed(self) -> Self:
        if self.profiles_url and not self.profiles_url.startswith("https://") and not self.private_addresses:
            raise ValueError("VESTNIK_PROFILES_URL: expected an https address: profiles are personal data")
        return self

    @property
    def configuration_set(self) -> str:
        """The SES configuration set of account letters, through which events come back."""
        return f"vestnik-{self.stage}"

    @property
    def mailings_set(self) -> str:
        """The SES configuration set of all other letters. It publishes everything but Send, which they do not need:
        they are never sent again for lack of one (ADR 0033)."""
        return f"vestnik-{self.stage}-mailings"

    def rate(self, subsystem: Subsystem) -> float:
        """How many calls a second leave for it, over both lanes."""
        return float(getattr(self, rate_setting(subsystem)))

    def default_rate(self, limit: str) -> float:
        """The rate of `<subsystem>.<lane>` unless somebody has set one. Raises: ValueError (permanent)."""
        subsystem, _, lane = limit.partition(".")
        return self.rate(Subsystem(subsystem)) * (self.bulk_share if lane == "bulk" else 1 - self.bulk_share)

    def resource(self, thing: str) -> str:
        """The name of one of this stage's tables, queues, functions or topics."""
        return f"vestnik-{self.stage}-{thing}"


class SettingsError(RuntimeError):
    """Permanent: the environment is incomplete; the message names each setting, as does `mistakes` one by one."""

    def __init__(self, message: str, mistakes: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.mistakes = mistakes


def variable(name: str) -> str:
    return f"VESTNIK_{name.upper()}"


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Settings from `VESTNIK_<NAME>` variables. Unknown ones are ignored, so that a variable of a later release does
    not stop this one after a rollback (`make deploy` refuses them). Raises: SettingsError (permanent)."""
    values = {name: environment[v] for name in Settings.model_fields if (v := variable(name)) in environment}
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        wrong = list(_told(error))
        raise SettingsError(f"the environment of this function is not complete: {'; '.join(wrong)}", wrong) from error


def _told(error: ValidationError) -> Iterator[str]:
    """Each mistake with its variable's name and what is expected; never the value, which may be a secret."""
    for one in error.errors():
        if not one["loc"]:
            yield one["msg"].removeprefix("Value error, ")
            continue
        name = str(one["loc"][0])
        yield f"{variable(name)}: {expected(one['type'], one['msg'], Settings.model_fields[name].examples)}"


def expected(kind: str, message: str, examples: Sequence[str] | None) -> str:
    """What a field expects, for people: an example says more than a pattern does."""
    if not examples:
        return message
    pattern = kind == "string_pattern_mismatch"
    return f"expected something like {examples[0]}" if pattern else f"{message}, such as {examples[0]}"


@cache
def settings() -> Settings:
    return read_settings(os.environ)


def is_for_a_snapshot() -> bool:
    """Whether Lambda takes a snapshot of this process once it has started, and wakes others out of it (SnapStart;
    AWS: "Defined runtime environment variables"). Who asks then registers `stage.snapshot`."""
    return os.environ.get(_STARTED_BY) == "snap-start"


def is_started_by_a_call() -> bool:
    """Whether a call waits while this process starts: what that call may not need is better imported later. It is not
    before a snapshot, with provisioned concurrency and outside Lambda: there everything is imported at once."""
    return os.environ.get(_STARTED_BY) == "on-demand"


def configured_handler() -> str:
    """Which handler Lambda runs in this process, such as `app.on_connect`; empty where nobody says."""
    return os.environ.get("_HANDLER", "")
