"""The notifications of a span of time, page by page."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from chalicelib.clock import new_id, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import InvalidError
from chalicelib.pipeline.jobs import LetterSpec
from chalicelib.pipeline.requests import record_notifications
from chalicelib.services.history import History
from chalicelib.storage.chunk_letters import spots_in_request
from chalicelib.storage.cursor import write_cursor
from chalicelib.storage.ledger import Ledger
from tests.integration.control.requests_made import Requests

MORNING = datetime(2026, 11, 23, 6, tzinfo=UTC)
DAY: dict[str, Any] = {"since": datetime(2026, 11, 23, tzinfo=UTC), "until": datetime(2026, 11, 24, tzinfo=UTC)}
HOUR = timedelta(hours=1)


@pytest.fixture
def history(stage: None) -> History:
    return History(clock=lambda: MORNING + timedelta(hours=12))


def asked(
    count: int,
    *,
    at: datetime = MORNING,
    step: float = 1,
    template: str = "welcome",
    channels: Sequence[str] = ("email",),
    together: bool = False,
    **more: Any,
) -> list[str]:
    """The ids of notifications, one every `step` seconds; `together`: their outcomes are in chunks."""
    ids = [new_id() for _ in range(count)]
    spots = spots_in_request(new_id(), ids, size=50) if together else {}
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
        record_notifications(
            letter,
            recipients,
            channels=channels,
            send_at=None,
            expires_at_epoch=2**31,
            owner=lambda *_: "#",
            spots={id_: spots[id_]} if together else None,
        )
    return ids


def every_page(history: History, **wanted: Any) -> list[list[str]]:
    pages, cursor = [], None
    while True:
        found, cursor = history.search(cursor=cursor, **(DAY | wanted))
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


@pytest.mark.parametrize(("together", "most"), [(False, 6), (True, 7)])
@pytest.mark.parametrize("status", [None, "accepted"])
def test_a_page_takes_seven_requests_at_most_and_loses_none(
    history: History, status: str | None, together: bool, most: int
) -> None:
    ids = asked(60, channels=[f"channel-{n}" for n in range(7)], together=together)
    requests = Requests()
    history.search(**DAY, status=status)
    assert requests.count("Query") == 4
    assert requests.count() <= most
    assert [id_ for page in every_page(history, status=status) for id_ in page] == ids[::-1]


def test_a_span_of_days_is_walked_down_from_its_end_to_its_beginning(history: History) -> None:
    ids = [asked(30, at=MORNING + timedelta(days=n)) for n in range(4)]
    pages = every_page(history, since=MORNING + timedelta(days=1), until=MORNING + timedelta(days=3))
    assert [id_ for page in pages for id_ in page] == ids[2][::-1] + ids[1][::-1]


def test_the_first_moment_of_a_span_is_in_it_and_the_last_is_not(history: History) -> None:
    ids = asked(4, step=3600)
    assert every_page(history, since=MORNING + HOUR, until=MORNING + 3 * HOUR) == [[ids[2], ids[1]]]


def test_a_span_is_the_same_in_any_zone(history: History) -> None:
    ids = asked(4, step=3600)
    moscow = timezone(3 * HOUR)
    since, until = (datetime(2026, 11, 23, hour, tzinfo=moscow) for hour in (10, 12))
    assert every_page(history, since=since, until=until) == [[ids[2], ids[1]]]


def test_without_a_span_it_is_the_last_day(history: History) -> None:
    earlier, yesterday, today, later = (asked(1, at=MORNING + n * HOUR)[0] for n in (-13, -11, 0, 13))
    assert every_page(history, since=None, until=None) == [[today], [yesterday]]
    assert every_page(history, since=None, until=MORNING) == [[], [yesterday, earlier]]
    assert every_page(history, since=MORNING, until=MORNING + 14 * HOUR) == [[later, today]]


@pytest.mark.parametrize(
    ("since", "until", "field", "message"),
    [
        (MORNING, MORNING, "until", "before the end"),
        (MORNING, MORNING - HOUR, "until", "before the end"),
        (MORNING + timedelta(days=1), None, "since", "before the end"),
        (MORNING, MORNING + timedelta(days=31, seconds=1), "since", "at most 31 days"),
        (MORNING - timedelta(days=40), None, "since", "at most 31 days"),
    ],
)
def test_a_wrong_span_is_refused_by_the_field(
    history: History, since: datetime, until: datetime | None, field: str, message: str
) -> None:
    with pytest.raises(InvalidError) as refused:
        history.search(since=since, until=until)
    [error] = refused.value.errors
    assert error.field == field
    assert message in error.message


@pytest.mark.parametrize("place", ["x", "", None, "0001-01-01T00:00:00Z", "2026-11-23", "2026-99-99T00:00:00Z#a"])
def test_a_place_that_is_none_is_refused_or_finds_nothing(history: History, place: str | None) -> None:
    asked(2)
    forged = write_cursor({"place": place}, scope=f"{DAY['since']}#{DAY['until']}#None#None")
    try:
        assert history.search(**DAY, cursor=forged) == ([], None)
    except InvalidError as error:
        assert [one.field for one in error.errors] == ["cursor"]


def test_a_cursor_of_another_search_is_refused(history: History) -> None:
    asked(30)
    _, cursor = history.search(**DAY)
    with pytest.raises(InvalidError):
        history.search(**DAY, template="digest", cursor=cursor)
