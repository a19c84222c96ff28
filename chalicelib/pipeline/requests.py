"""What a caller may ask for: the body of `POST /v1/notifications`, checked field by field."""

import hashlib
import json
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from chalicelib.clock import Moment
from chalicelib.errors import Phrase
from chalicelib.locales import Locale
from chalicelib.pipeline.jobs import Lane
from chalicelib.profiles.model import Attributes, Email, Name, Timezone, UserId
from chalicelib.schemas import StrictModel
from chalicelib.text import JsonObject

MAX_RECIPIENTS = 100


class Recipient(StrictModel):
    """A user by id, or an address with what is known of its owner."""

    user_id: UserId | None = None
    email: Email | None = None
    name: Name | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None
    attributes: Attributes | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if (self.user_id is None) == (self.email is None):
            raise ValueError(Phrase("expected either user_id or email"))
        extra = self.model_fields_set - {"user_id"}
        if self.user_id is not None and extra:
            raise ValueError(
                Phrase("user_id stands alone: the directory knows the {known}", known=", ".join(sorted(extra)))
            )
        return self

    def given(self) -> dict[str, Any]:
        """Only what the caller gave."""
        return self.model_dump(mode="json", exclude_none=True)


class NotificationRequest(StrictModel):
    """One letter to 1–100 recipients."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "template": "new-episode",
                    "recipients": [
                        {"user_id": "u-1042"},
                        {"email": "guest@example.com", "name": "Guest", "locale": "en"},
                    ],
                    "context": {
                        "series": "The Lighthouse",
                        "season": 2,
                        "episode": 5,
                        "title": "Low Water",
                        "url": "https://cinema.example/lighthouse/2/5",
                    },
                }
            ]
        }
    )

    template: Annotated[str, Field(min_length=1, max_length=64, description="key of a template")]
    recipients: Annotated[tuple[Recipient, ...], Field(min_length=1, max_length=MAX_RECIPIENTS)]
    context: Annotated[JsonObject, Field(description="the template's variables")] = Field(default_factory=dict)
    category: Annotated[str | None, Field(description="default: the template's")] = None
    channels: Annotated[
        tuple[str, ...] | None, Field(min_length=1, max_length=10, description="default: the template's")
    ] = None
    send_at: Annotated[Moment | None, Field(description="a time that has passed means now")] = None
    expires_at: Annotated[Moment | None, Field(description="nothing is sent after it")] = None
    lane: Annotated[Lane, Field(description="bulk letters wait behind instant ones")] = "instant"

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if self.expires_at and self.send_at and self.expires_at <= self.send_at:
            raise ValueError(Phrase("expected expires_at to be after send_at"))
        return self

    def fingerprint(self) -> str:
        """The same for bodies that ask for the same, however they are written."""
        canonical = json.dumps(self.model_dump(mode="json"), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def is_future(moment: datetime | None, *, now: datetime) -> bool:
    """Whether there is something to wait for."""
    return moment is not None and moment > now
