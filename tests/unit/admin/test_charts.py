"""The geometry of the managers' charts."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from chalicelib.admin.charts import HEIGHT, WIDTH, bars, curves, top_of
from chalicelib.storage.hourly_stats import Hour

BEGIN = datetime(2026, 11, 22, 13, tzinfo=UTC)


@pytest.mark.parametrize(("values", "top"), [([], 4), ([3], 4), ([7], 8), ([11], 12), ([950], 1000), ([2001], 3000)])
def test_the_top_is_a_round_figure_that_no_value_is_above(values: list[int], top: int) -> None:
    assert top_of(values) == top


def test_bars_stand_side_by_side_and_on_the_axis() -> None:
    hours = [Hour(BEGIN + timedelta(hours=n), {"sent": n, "failed": n % 2}) for n in range(24)]
    drawn = bars(hours, zone="UTC")
    assert all(a.x + a.width < b.x for a, b in pairwise(drawn))
    assert drawn[-1].x + drawn[-1].width <= WIDTH
    assert all(0 <= bar.failed_y <= bar.sent_y <= HEIGHT for bar in drawn)
    assert [bar.sent for bar in drawn] == list(range(24))


def test_curves_run_from_edge_to_edge_in_the_order_of_time() -> None:
    samples = [[(BEGIN + timedelta(minutes=n)).isoformat(), n * 10, n * 9] for n in range(5)]
    drawn, axis = curves(samples, ("sent", "delivered"), zone="UTC")
    xs = [float(point.split(",")[0]) for point in drawn[0].points.split()]
    assert xs == sorted(xs)
    assert (drawn[0].last, drawn[1].last, axis.top) == (40, 36, 40)


def test_samples_of_one_moment_are_drawn_all_the_same() -> None:
    drawn, axis = curves([[BEGIN.isoformat(), 0], [BEGIN.isoformat(), 3]], ("sent",), zone="UTC")
    assert (len(drawn[0].points.split()), axis.top) == (2, 4)
