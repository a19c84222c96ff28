"""The geometry of the managers' charts, drawn as SVG by `templates/admin/_charts.html`."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.storage.hourly_stats import Hour

WIDTH, HEIGHT = 720, 190
_TOP, _BOTTOM, LEFT = 8, 168, 60  # the field between the highest value and the axis; room for its figures
_LABEL_EVERY_HOURS = 4


class Bar(NamedTuple):
    """One hour: what left, and on top what failed. `name` is its clock time, `shown` whether that is printed below."""

    name: str
    shown: bool
    sent: int
    failed: int
    x: float
    width: float
    sent_y: float
    failed_y: float


class Curve(NamedTuple):
    """One status over time, as the points of an SVG polyline."""

    word: str
    points: str
    last: int


class Axis(NamedTuple):
    """The highest value, and the clock times along the bottom."""

    top: int
    times: Sequence[tuple[float, str]]


def bars(hours: Sequence[Hour], *, zone: str) -> Sequence[Bar]:
    top = top_of([hour.count("sent") + hour.count("failed") for hour in hours])
    step = (WIDTH - LEFT) / max(1, len(hours))
    drawn = []
    for n, hour in enumerate(hours):
        at = hour.begins.astimezone(ZoneInfo(zone))
        sent, failed = hour.count("sent"), hour.count("failed")
        drawn.append(
            Bar(
                f"{at:%H}:00",
                at.hour % _LABEL_EVERY_HOURS == 0,
                sent,
                failed,
                x=round(LEFT + n * step + 1.5, 1),
                width=round(step - 3, 1),
                sent_y=height_of(sent, top),
                failed_y=height_of(sent + failed, top),
            )
        )
    return drawn


def curves(samples: Sequence[Sequence[object]], words: Sequence[str], *, zone: str) -> tuple[Sequence[Curve], Axis]:
    """Lines through the samples of a run (`campaigns.progress.sampled`)."""
    times = [datetime.fromisoformat(str(sample[0])) for sample in samples]
    values = {word: [int(str(sample[n])) for sample in samples] for n, word in enumerate(words, 1)}
    top = top_of([value for series in values.values() for value in series])
    whole = max(1.0, (times[-1] - times[0]).total_seconds())
    xs = [LEFT + (at - times[0]).total_seconds() / whole * (WIDTH - LEFT - 2) for at in times]
    drawn = [
        Curve(
            word, " ".join(f"{x:.1f},{height_of(value, top)}" for x, value in zip(xs, series, strict=True)), series[-1]
        )
        for word, series in values.items()
    ]
    return drawn, Axis(top, [(xs[n], f"{times[n].astimezone(ZoneInfo(zone)):%H:%M}") for n in (0, -1)])


def top_of(values: Sequence[int]) -> int:
    """A round number that no value exceeds, whose half is round too."""
    most = max(values, default=0)
    if most <= 4:
        return 4
    step = 10 ** (len(str(most)) - 1)
    return int(
        next(step * tenths // 10 for tenths in (10, 12, 16, 20, 30, 40, 60, 80, 100) if step * tenths >= 10 * most)
    )


def height_of(value: float, top: float) -> float:
    """Where a value stands in the field, from above."""
    return round(_BOTTOM - (_BOTTOM - _TOP) * value / top, 1)
