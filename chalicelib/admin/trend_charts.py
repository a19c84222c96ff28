"""The geometry of the charts by month, drawn as SVG by `templates/admin/_trend_charts.html`."""

from collections.abc import Sequence
from typing import NamedTuple

from chalicelib.admin.charts import LEFT, WIDTH, height_of, top_of
from chalicelib.campaigns.trends import Month

_MOST_NAMED = 12  # of the months, below the axis


class MonthBar(NamedTuple):
    """How many letters were sent in a month; `shown`: whether its name is printed."""

    month: str
    shown: bool
    sent: int
    x: float
    width: float
    y: float


class RateLine(NamedTuple):
    """A rate over the months, as the points of an SVG polyline, with each as a dot."""

    measure: str
    points: str
    dots: Sequence[tuple[float, float, str, float]]  # x, y, month, rate


def month_bars(months: Sequence[Month]) -> tuple[int, Sequence[MonthBar]]:
    """The highest value, and the bars."""
    sent = [one.counts.get("sent", 0) for one in months]
    top, step = top_of(sent), (WIDTH - LEFT) / len(months)
    every = -(-len(months) // _MOST_NAMED)
    width = min(48.0, step - 4)
    return top, [
        MonthBar(
            one.month,
            (len(months) - 1 - n) % every == 0,
            count,
            x=round(LEFT + n * step + (step - width) / 2, 1),
            width=round(width, 1),
            y=height_of(count, top),
        )
        for n, (one, count) in enumerate(zip(months, sent, strict=True))
    ]


def month_lines(months: Sequence[Month], measures: Sequence[str]) -> Sequence[RateLine]:
    """A line of each measure that is known in two months at least, from 0 to 100%."""
    step = (WIDTH - LEFT) / len(months)
    lines = []
    for measure in measures:
        dots = [
            (round(LEFT + (n + 0.5) * step, 1), height_of(rate, 1), one.month, rate)
            for n, one in enumerate(months)
            if (rate := one.rates[measure]) is not None
        ]
        if len(dots) > 1:
            lines.append(RateLine(measure, " ".join(f"{x},{y}" for x, y, *_ in dots), dots))
    return lines
