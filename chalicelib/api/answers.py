"""The shapes of the API's answers. Times are RFC 3339, UTC."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, GetPydanticSchema
from pydantic_core.core_schema import literal_schema

from chalicelib.rendering.lint.severity import Severity
from chalicelib.rendering.model import AskedVersion

IN_PLACE = GetPydanticSchema(lambda kind, _: literal_schema(list(kind)))  # an enum's words, not a schema of its own

ShownStatus = Literal[
    "accepted",
    "scheduled",
    "processing",
    "sent",
    "delivered",
    "bounced",
    "complained",
    "skipped",
    "failed",
    "uncertain",
    "cancelled",
]


class ApiAnswer(BaseModel):
    """The base model: an undeclared field is a bug of ours, not part of an answer."""

    model_config = ConfigDict(extra="forbid", defer_build=True)


class AcceptedNotification(ApiAnswer):
    """One notification of a request; GET its `url` to follow it."""

    id: str
    recipient: dict[str, Any]
    status: ShownStatus
    url: str
    duplicate: bool = Field(
        default=False,
        description="an earlier recipient is the same user or address: one letter, and this is its id too",
    )


class AcceptedNotifications(ApiAnswer):
    """In the order of the recipients."""

    notifications: list[AcceptedNotification]

    def log_ids(self) -> list[str]:
        return [one.id for one in self.notifications]


class TimelineEvent(ApiAnswer):
    """One step of a delivery: a new `status`, or an `event` that changes none (`opened`, `clicked`, `delayed`;
    `machine_opened` and `machine_clicked` were not caused by a person)."""

    at: str
    status: str | None = None
    event: str | None = None
    reason: str | None = None
    rule: str | None = Field(default=None, description="what decided it: a route, a cap, quiet hours, a digest")
    attempt: int | None = None
    times: int | None = Field(
        default=None, description="how many equal entries this one stands for; it is the last of them"
    )


class DeliveryAnswer(ApiAnswer):
    """A notification on one channel."""

    channel: str
    status: ShownStatus
    reason: str | None = Field(description="why it was skipped, failed, bounced or put aside")
    attempt: int
    provider_id: str | None
    timeline: list[TimelineEvent]


class NotificationAnswer(ApiAnswer):
    """A notification with its deliveries. A delivery appears once work on it has begun."""

    id: str
    request_id: str | None
    status: ShownStatus
    recipient: dict[str, Any]
    template: str
    template_version: AskedVersion
    category: str
    lane: str
    channels: list[str]
    created_at: str
    send_at: str | None
    expires_at: str | None
    campaign_id: str | None
    deliveries: list[DeliveryAnswer]

    def log_ids(self) -> list[str]:
        return [self.id]


class HistoryPage(ApiAnswer):
    """A page of notifications, newest first; `cursor` is null on the last page."""

    notifications: list[NotificationAnswer]
    cursor: str | None


class UserAnswer(ApiAnswer):
    """A user as the directory holds them."""

    id: str
    email: str | None
    phone: str | None
    name: str | None
    locale: str | None
    timezone: str | None
    attributes: dict[str, Any]
    email_confirmed: bool


class UsersAnswer(ApiAnswer):
    """The users that a batch has written."""

    users: list[UserAnswer]


class LetterFinding(ApiAnswer):
    """`place` is a path such as `locales.en.email.html`, `line` a line of the source there, `locale` the language of
    the letter. The codes are in `docs/letters.md`."""

    code: str
    severity: Annotated[Severity, IN_PLACE]
    place: str
    message: str
    line: int | None
    locale: str | None
