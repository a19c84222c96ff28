"""Letters that nobody sent, in the tables as if they had been."""

from collections.abc import Mapping
from typing import Any

CHUNK = 50  # as many as travel in one job


def store_sent(recipients: Mapping[str, Mapping[str, Any]], *, at: str, campaign_id: str | None = None) -> None:
    """A promo letter by e-mail to each recipient, by notification id: accepted, claimed and sent `at` (RFC 3339). A
    recipient is as `POST /v1/notifications` takes it."""
    from chalicelib.clock import parse_rfc3339
    from chalicelib.deliveries import DeliveryKey, Move, S
    from chalicelib.pipeline.jobs import LetterSpec
    from chalicelib.pipeline.requests import record_notifications
    from chalicelib.settings import settings
    from chalicelib.storage.ledger import Ledger

    then = parse_rfc3339(at)
    letter = LetterSpec(template="promo", template_version=0, category="marketing", lane="bulk", context={},
                        request_id="r", accepted_at=at, campaign_id=campaign_id)  # fmt: skip
    record_notifications(letter, recipients.items(), channels=["email"], send_at=None,
                         expires_at_epoch=4_000_000_000, owner=lambda *_: "#")  # fmt: skip
    ledger = Ledger(clock=lambda: then, retention_days=settings().retention_days)
    keys = [DeliveryKey(one, "email") for one in recipients]
    claims = [Move(key, S.CALLING, owner="bench", lease_until=then, attempt=1) for key in keys]
    if ledger.move(claims) or ledger.move([Move(key, S.SENT, owner="bench", provider_id="p") for key in keys]):
        raise RuntimeError("the tables were not empty")
