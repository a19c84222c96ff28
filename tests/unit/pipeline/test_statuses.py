"""One word for a notification on several channels."""

from collections.abc import Sequence
from typing import get_args

import pytest

from chalicelib.api.answers import ShownStatus
from chalicelib.deliveries import DeliveryStatus, notification_status, shown_status

S = DeliveryStatus


@pytest.mark.parametrize(
    ("deliveries", "channels", "scheduled", "shown"),
    [
        ([], 1, False, "accepted"),
        ([], 1, True, "scheduled"),
        ([S.CALLING], 1, False, "processing"),
        ([S.QUEUED], 1, False, "processing"),
        ([S.SENT], 1, False, "sent"),
        ([S.WAITING], 1, False, "scheduled"),
        ([S.SENT, S.WAITING], 2, False, "sent"),
        ([S.BOUNCED, S.WAITING], 2, False, "scheduled"),
        ([S.SENT], 2, False, "processing"),
        ([S.SENT, S.CALLING], 2, False, "processing"),
        ([S.SENT, S.DELIVERED], 2, False, "delivered"),
        ([S.SENT, S.BOUNCED], 2, False, "sent"),
        ([S.COMPLAINED, S.BOUNCED], 2, False, "complained"),
        ([S.BOUNCED, S.UNCERTAIN], 2, False, "bounced"),
        ([S.UNCERTAIN, S.FAILED], 2, False, "uncertain"),
        ([S.FAILED, S.SKIPPED], 2, False, "failed"),
        ([S.CANCELLED, S.SKIPPED], 2, False, "cancelled"),
        ([S.CANCELLED], 1, True, "cancelled"),
        ([S.SKIPPED], 1, False, "skipped"),
    ],
)
def test_a_notification_shows_the_best_news_and_work_before_all(
    deliveries: Sequence[DeliveryStatus], channels: int, scheduled: bool, shown: str
) -> None:
    assert notification_status(deliveries, channels=channels, scheduled=scheduled) == shown
    assert notification_status(deliveries[::-1], channels=channels, scheduled=scheduled) == shown


@pytest.mark.parametrize("status", DeliveryStatus)
def test_every_state_has_its_word_for_callers(status: DeliveryStatus) -> None:
    assert shown_status(status) in get_args(ShownStatus)
    assert notification_status([status], channels=1, scheduled=False) == shown_status(status)
