"""A day's notifications, page by page."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.clock import new_id, rfc3339
from chalicelib.errors import InvalidError
from chalicelib.pipeline.history import History
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.ledger import DeliveryKey, Ledger, Move
from chalicelib.pipeline.notification import record_notifications
from chalicelib.pipeline.statuses import DeliveryStatus
from tests.integration.control.requests_made import Requests

MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)
DAY = MORNING.date()


@pytest.fixture
def history(stage: None) -> History:
    return History(clock=lambda: MORNING + timedelta(hours=12))


def asked(count: int, *, at: datetime = MORNING, step: float = 1, template: str = "welcome", **more: Any) -> list[str]:
    """The ids of notifications, one every `step` seconds."""
    ids = [new_id() for _ in range(count)]
    for n, id_ in enumerate(ids):
        letter = LetterSpec(
            template=template,
            template_version=0,
            category="account",
            lane="instant",
            context={},
            request_id=new_id(),
            accepted_at=rfc3339(at + timedelta(seconds=n * step)),
            **more,
        )
        recipients = [(id_, {"user_id": "anna"})]
        record_notifications(letter, recipients, channels=["email"], send_at=None, expires_at_epoch=2**31)
    return ids


def every_page(history: History, **wanted: Any) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        found, cursor = history.of_day(DAY, cursor=cursor, **wanted)
        pages.append([one["id"] for one in found])
        if cursor is None:
            return pages


@pytest.mark.parametrize("step", [1, 0])  # 0: a request's recipients share one moment
def test_every_notification_of_a_day_is_on_one_page(history: History, step: float) -> None:
    ids = asked(130, step=step)
    pages = every_page(history)
    assert sorted(id_ for page in pages for id_ in page) == sorted(ids)
    assert max(len(page) for page in pages) == 20
    if step:
        assert [id_ for page in pages for id_ in page] == ids[::-1]


def test_another_days_are_not_among_them(history: History) -> None:
    asked(3, at=MORNING - timedelta(days=1))
    asked(3, at=MORNING + timedelta(days=1))
    (here,) = asked(1)
    assert every_page(history) == [[here]]


def test_those_of_a_campaign_are_not_among_them(history: History) -> None:
    asked(2, campaign_id="c", run_id="c@2026-11-23T06:00:00Z")
    assert every_page(history) == [[]]


def test_they_are_found_by_template_however_rare_it_is(history: History) -> None:
    (rare,) = asked(1, template="digest")
    asked(250, at=MORNING + timedelta(hours=1))
    pages = every_page(history, template="digest")
    assert [id_ for page in pages for id_ in page] == [rare]
    assert len(pages) > 1


def test_they_are_found_by_status(history: History) -> None:
    ids = asked(8)
    ledger = Ledger(clock=lambda: MORNING, retention_days=90)
    ledger.move([Move(DeliveryKey(ids[n], "email"), DeliveryStatus.SKIPPED, reason="opted_out") for n in (2, 5)])
    assert every_page(history, status="skipped") == [[ids[5], ids[2]]]
    assert every_page(history, status="accepted") == [
        [id_ for n, id_ in reversed(list(enumerate(ids))) if n not in (2, 5)]
    ]


def test_a_page_takes_six_requests_at_most(history: History) -> None:
    asked(200)
    requests = Requests()
    history.of_day(DAY, status="failed")
    assert requests.count() <= 6


def test_a_cursor_of_another_search_is_refused(history: History) -> None:
    asked(30)
    _, cursor = history.of_day(DAY)
    with pytest.raises(InvalidError):
        history.of_day(DAY, template="digest", cursor=cursor)
