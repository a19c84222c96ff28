"""What a caller may ask for: the body of `POST /v1/notifications`, checked field by field."""

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import ConfigDict, Field, model_validator

from chalicelib.addresses import same_address_key
from chalicelib.attachments import Attachments
from chalicelib.clock import Moment, derived_id
from chalicelib.deliveries import OWN_CHUNK, Spot
from chalicelib.errors import Phrase
from chalicelib.isolation import each
from chalicelib.locales import Locale
from chalicelib.observability import log_failure, logger
from chalicelib.pipeline.jobs import CHUNK_SIZE, EnrichRecipient, Lane, LetterSpec
from chalicelib.profiles.model import Attributes, Email, Name, Timezone, UserId
from chalicelib.schemas import StrictModel
from chalicelib.storage import enlisting
from chalicelib.storage.chunk_letters import spots_in_request
from chalicelib.storage.notifications import Notification
from chalicelib.storage.requests import StoredRequest
from chalicelib.text import JsonObject

MAX_RECIPIENTS = 100
ENLISTED = "letters-enlisted"  # a line of the log
OwnerOf = Callable[[str, str], str]  # the owner of letters to (channel, address)


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
                Phrase("expected user_id alone: the directory knows the {known}", known=", ".join(sorted(extra)))
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
    attachments: Attachments = ()

    @model_validator(mode="after")
    def _times_in_order(self) -> Self:
        if self.expires_at and self.send_at and self.expires_at <= self.send_at:
            raise ValueError(Phrase("expires_at must be after send_at"))
        return self

    def fingerprint(self) -> str:
        """Equal for bodies that ask for the same, however they are written."""
        without = None if self.attachments else {"attachments"}  # as a release that knew of none has written it
        canonical = json.dumps(self.model_dump(mode="json", exclude=without), sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(canonical.encode()).hexdigest()


def is_future(moment: datetime | None, *, now: datetime) -> bool:
    """Whether there is something to wait for."""
    return moment is not None and moment > now


def notification_ids(stored: StoredRequest) -> list[str]:
    """Of each recipient, in order; a repeated user or address has the same one. They are derived from the request's id,
    so that a retry finds them."""
    first: dict[tuple[str, str], int] = {}
    who = [_who(one) or ("nobody", str(n)) for n, one in enumerate(stored.recipients)]
    places = [first.setdefault(one, n) for n, one in enumerate(who)]
    return [derived_id("notification", stored.id, str(n)) for n in places]


def recipients_of(stored: StoredRequest) -> dict[str, Mapping[str, Any]]:
    """Each once, by notification id."""
    found: dict[str, Mapping[str, Any]] = {}
    for id_, recipient in zip(notification_ids(stored), stored.recipients, strict=True):
        found.setdefault(id_, recipient)
    return found


def spots_of_request(stored: StoredRequest) -> dict[str, Spot]:
    """Where the outcomes of each letter are: with those that travel together, or in a chunk of its own. None have the
    letters of the last release, wherever they come from again: their own rows tell. Erasures change no place."""
    ids = notification_ids(stored)
    if not stored.spots:
        return {}
    if len(ids) == 1 or stored.letter.get("lane") == "instant":
        return {one: Spot(one, OWN_CHUNK, 0) for one in ids}
    return spots_in_request(stored.id, ids, size=CHUNK_SIZE)


def chunks_of(stored: StoredRequest) -> Iterator[tuple[EnrichRecipient, ...]]:
    """The recipients in portions for jobs."""
    spots = spots_of_request(stored)
    recipients = [
        EnrichRecipient(
            notification_id=id_,
            spot=spots[id_].text if id_ in spots else None,
            user_id=recipient["user_id"] if (who := _who(recipient)) and who[0] == "user" else None,
            profile=None if who and who[0] == "user" else dict(recipient) if isinstance(recipient, dict) else {},
        )
        for id_, recipient in recipients_of(stored).items()
    ]
    for start in range(0, len(recipients), CHUNK_SIZE):
        yield tuple(recipients[start : start + CHUNK_SIZE])


def record_notifications(
    letter: LetterSpec,
    recipients: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    channels: Sequence[str],
    send_at: str | None,
    expires_at_epoch: int,
    owner: OwnerOf,
    spots: Mapping[str, Spot] | None = None,
) -> None:
    """Writes one for each (notification id, recipient as given). They never change, so writing them again is harmless.
    Raises: UnavailableError (retryable)."""
    alike = _alike(letter, channels, expires_at_epoch)._replace(send_at=send_at)
    enlisting.record_notifications(alike, _owned(recipients, owner), spots)


def enlist_notifications(
    letter: LetterSpec,
    recipients: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    channels: Sequence[str],
    expires_at_epoch: int,
    owner: OwnerOf,
) -> dict[str, str | None]:
    """Writes those of a run's (notification id, recipient as given) that are not there yet, and returns the spot of
    each. Raises: UnavailableError (retryable)."""
    found = enlisting.enlist_notifications(
        _alike(letter, channels, expires_at_epoch),
        _owned(recipients, owner),
        homes=letter.homes,
        variant=letter.variant,
    )
    # If a ledger has to be restored from a backup, the log knows the places of letters that wait in queues.
    letters, spots = list(found), list(found.values())
    logger().info(ENLISTED, letters=letters, spots=spots, asked_by=letter.request_id, run=letter.run_id)
    return found


def _alike(letter: LetterSpec, channels: Sequence[str], expires_at_epoch: int) -> Notification:
    return Notification(
        id="",
        created_at=letter.accepted_at,
        request_id=letter.request_id,
        template=letter.template,
        template_version=letter.template_version,
        category=letter.category,
        lane=letter.lane,
        channels=channels,
        recipient={},
        expires_at=letter.expires_at,
        campaign_id=letter.campaign_id,
        run_id=letter.run_id,
        service=letter.service,
        expires_at_epoch=expires_at_epoch,
    )


def _owned(recipients: Iterable[tuple[str, Mapping[str, Any]]], owner: OwnerOf) -> list[enlisting.Recipient]:
    def owner_of(given: Mapping[str, Any]) -> str | None:
        user_id: str | None = given.get("user_id")
        return owner("email", given["email"]) if user_id is None and "email" in given else user_id

    def owned(one: tuple[str, Mapping[str, Any]]) -> enlisting.Recipient:
        return (*one, owner_of(one[1]))

    # Who cannot be read has a notification too: that it failed is counted by it.
    return [
        (each(owned, [one], alone=lambda _, error: log_failure("recipient", error)) or [(one[0], {}, None)])[0]
        for one in recipients
    ]


def _who(recipient: Any) -> tuple[str, str] | None:
    """Empty for one who was erased, or cannot be read."""
    if isinstance(recipient, dict) and isinstance(recipient.get("user_id"), str):
        return "user", recipient["user_id"]
    if isinstance(recipient, dict) and isinstance(recipient.get("email"), str):
        return "email", same_address_key("email", recipient["email"])
    return None
