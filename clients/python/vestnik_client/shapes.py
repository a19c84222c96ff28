"""What the service answers, as far as this client reads it: what a newer service adds is left out, a status that this
client does not know is given on as it is.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, model_validator

Status = Literal[
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


class _Shape(BaseModel):
    model_config = ConfigDict(frozen=True)  # fields that a newer service adds are left out

    @model_validator(mode="before")
    @classmethod
    def _unsaid(cls, given: Any) -> Any:
        """What is null is not said: it has its default here."""
        return {name: value for name, value in given.items() if value is not None} if isinstance(given, dict) else given


class Accepted(_Shape):
    """One notification that the service has promised to send."""

    id: str
    status: Status | str
    url: str = ""


class Delivery(_Shape):
    """One channel of a notification; `reason` says why it was skipped, failed, bounced or put aside."""

    channel: str
    status: Status | str
    reason: str | None = None
    attempt: int = 1


class Notification(_Shape):
    """What became of a notification. Times are RFC 3339, UTC."""

    id: str
    status: Status | str
    template: str = ""
    category: str = ""
    created_at: str = ""
    deliveries: tuple[Delivery, ...] = ()


class Ticket(_Shape):
    """Opens one WebSocket, once, until `expires_at`."""

    ticket: str
    url: str
    expires_at: str
