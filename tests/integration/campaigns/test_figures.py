"""Campaigns side by side and by month: from notes, and only differences that are hardly chance."""

from datetime import UTC, datetime
from typing import Any

import pytest

from chalicelib.campaigns.comparison import Compared, differences
from chalicelib.campaigns.rates import rates_of
from chalicelib.campaigns.trends import trend
from chalicelib.errors import NotFoundError
from chalicelib.service_scope import Sight
from chalicelib.stage.app import Stage
from tests.integration.campaigns.conftest import CONTEXT, Desk, Viewers
from tests.integration.control.requests_made import Requests


def compared(name: str, **counts: int) -> Compared:
    return Compared(name, name, "completed", "promo", None, counts, rates_of(counts))


def test_rates_are_of_what_has_an_outcome() -> None:
    rates = rates_of({"sent": 100, "delivered": 60, "bounced": 20, "opened": 30, "complained": 1})
    assert (rates["delivered"], rates["bounced"], rates["opened"], rates["clicked"]) == (0.75, 0.25, 0.5, 0)
    assert set(rates_of({"sent": 5}).values()) == {None}


def test_only_what_is_hardly_chance_is_a_difference() -> None:
    often = compared("often", delivered=1000, bounced=0, opened=400, clicked=50)
    seldom = compared("seldom", delivered=1000, bounced=0, opened=300, clicked=48)
    few = compared("few", delivered=10, opened=1)
    found = differences([seldom, often, few])
    assert [(one.measure, one.more.id, one.less.id) for one in found] == [("opened", "often", "seldom")]
    assert differences([]) == []


def test_a_comparison_reads_each_campaign_once_and_shows_its_subject(desk: Desk, viewers: Viewers) -> None:
    viewers(3)
    ids = [desk.start(name=f"Number {n}", context={**CONTEXT, "headline": f"Tonight {n}"}) for n in range(4)]
    desk.finish()
    Stage.own().comparison.of(ids)
    requests = Requests()
    found = Stage.own().comparison.of(ids)
    assert requests.count() <= 2
    assert [(one.name, one.counts["sent"]) for one in found] == [(f"Number {n}", 3) for n in range(4)]
    assert all(f"Tonight {n}" in (one.subject or "") for n, one in enumerate(found))
    with pytest.raises(NotFoundError):
        Stage.own().comparison.of(ids, sight=Sight("shop"))


def test_a_trend_begins_with_the_first_month_in_which_something_was_sent(desk: Desk, viewers: Viewers) -> None:
    viewers(2)
    desk.start()
    desk.finish()
    desk.clock.at = datetime(2026, 5, 2, tzinfo=UTC)
    desk.start()
    desk.finish()
    months = of_trend(at=desk.clock.at)
    assert [(one.month, one.counts["sent"], one.counts["campaigns"]) for one in months] == [
        ("2026-03", 2, 1),
        ("2026-04", 0, 0),
        ("2026-05", 2, 1),
    ]
    assert of_trend(at=datetime(2027, 12, 1, tzinfo=UTC)) == []


def of_trend(**when: Any) -> Any:
    requests = Requests()
    found = trend(zone="Europe/Moscow", months=12, **when)
    assert requests.count() == 1
    return found
