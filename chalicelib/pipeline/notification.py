"""The rows that say what was asked for each recipient. `accept` writes them for a request, `campaigns/admission.py` for
a campaign's chunk. They never change, so that writing them again is harmless.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.storage.dynamodb import batch_put, reaching_dynamodb
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, NotificationRow, day_shard

OwnerOf = Callable[[str, str], str]


def record_notifications(
    letter: LetterSpec,
    recipients: Iterable[tuple[str, Mapping[str, Any]]],
    *,
    channels: Sequence[str],
    send_at: str | None,
    expires_at_epoch: int,
    owner: OwnerOf,
) -> None:
    """Writes a row for each (notification id, recipient as given); 25 a request. `owner` tells whose the letters to
    (channel, address) are. Raises: UnavailableError (retryable)."""
    alike = _worded(letter, channels=channels, send_at=send_at, expires_at_epoch=expires_at_epoch)
    with reaching_dynamodb():
        batch_put(NotificationRow, [{**alike, **_own(letter, id_, recipient, owner)} for id_, recipient in recipients])


def _worded(
    letter: LetterSpec, *, channels: Sequence[str], send_at: str | None, expires_at_epoch: int
) -> dict[str, Any]:
    """What all rows of a letter share, as DynamoDB has it: PynamoDB words it once, not for every recipient."""
    row = NotificationRow(
        "",
        NOTIFICATION_PART,
        created_at=letter.accepted_at,
        request_id=letter.request_id,
        template=letter.template,
        template_version=letter.template_version,
        category=letter.category,
        lane=letter.lane,
        channels=list(channels),
        recipient={},
        send_at=send_at,
        expires_at=letter.expires_at,
        campaign_id=letter.campaign_id,
        run_id=letter.run_id,
        service=letter.service,
        expires_at_epoch=expires_at_epoch,
    )
    return row.serialize()


def _own(letter: LetterSpec, notification_id: str, recipient: Mapping[str, Any], owner: OwnerOf) -> dict[str, Any]:
    own = {"notification_id": notification_id, "recipient": NotificationRow.recipient.serialize(dict(recipient))}
    if "user_id" in recipient:
        own["user_id"] = recipient["user_id"]
    elif "email" in recipient:
        own["user_id"] = owner("email", recipient["email"])
    if letter.campaign_id is None:
        own["day"] = day_shard(letter.accepted_at, notification_id)
        own["place"] = f"{letter.accepted_at}#{notification_id}"
    return {name: {"S": value} for name, value in own.items() if value is not None}
