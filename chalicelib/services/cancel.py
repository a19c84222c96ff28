"""Cancels what has not been sent.

A cancelled delivery is written before any worker claims it, so that the claim fails: no message has to be found in a
queue (ADR 0001).
"""

from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.notifications import read_notification


def cancel(notification_id: str, *, ledger: Ledger, sight: Sight = EVERYTHING) -> None:
    """Cancels every delivery that no worker has claimed yet; the others continue. Idempotent. Raises: NotFoundError
    (permanent: there is none in `sight`), UnavailableError (retryable)."""
    head = read_notification(notification_id)
    if head is None or not sight.has(head.service):
        raise NotFoundError(Phrase("there is no notification {id}", id=notification_id))
    ledger.move(
        [
            Move(
                DeliveryKey(notification_id, channel),
                DeliveryStatus.CANCELLED,
                request_id=head.request_id,
                run_id=head.run_id,
                # As long as the notification itself: what is cancelled a year ahead stays cancelled.
                expires_at_epoch=head.expires_at_epoch,
            )
            for channel in head.channels
        ]
    )
