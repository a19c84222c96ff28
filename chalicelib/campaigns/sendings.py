"""What leaves when, as a calendar shows it: the times of a campaign, on which day each falls, and where a cap bites."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import islice, takewhile
from typing import NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.campaigns.model import Campaign
from chalicelib.campaigns.progress import Progress
from chalicelib.campaigns.schedule import RECIPIENT, occurrences, planning_zone
from chalicelib.clock import parse_rfc3339
from chalicelib.configuration.setting_shapes import Cap
from chalicelib.schemas import recalled
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.runs import Run
from chalicelib.storage.sent_runs import SentRun
from chalicelib.wall_clock import zone_of

MOST_TIMES = 100  # of one campaign in one look: a cron expression may name every minute
ALL_ZONES = timedelta(hours=26)  # from the first zone of the Earth, UTC+14, to the last, UTC-12
_BEST_HOUR = timedelta(days=1)


class Sending(NamedTuple):
    """One time at which a campaign leaves, has left, or is leaving. `local_time` (`18:00`): on each reader's own clock,
    between `at` and `ends_at`, and `day` is the day on that clock; else the day in the site's zone. `recipients`: about
    how many; None: they were not counted. `quiet_until` (`08:00`): it falls into the quiet hours of the site."""

    campaign_id: str
    name: str
    state: str  # planned | running | sent | cancelled
    day: date
    at: datetime
    category: str | None
    ends_at: datetime | None = None
    local_time: str | None = None
    recipients: int | None = None
    sent: int | None = None
    quiet_until: str | None = None
    resend: bool = False


class CapReached(NamedTuple):
    """More sendings of a category than a cap allows one reader: `sendings` of them within `days` days, the last of
    which, on `day`, is one too many for whoever gets them all."""

    category: str
    day: date
    sendings: int
    letters: int
    days: int


def times_of(spec: Campaign, first: datetime, *, end: datetime, default_zone: str) -> list[datetime]:
    """The times of a campaign whose next one is `first`, before `end`; at most MOST_TIMES."""
    if spec.schedule is None:
        return [first] if first < end else []

    def every() -> Iterator[datetime]:
        yield first
        if spec.schedule is not None:
            yield from occurrences(spec.schedule, spec.timezone or default_zone, after=first)

    return list(islice(takewhile(lambda at: at < end, every()), MOST_TIMES))


def wall_day(spec: Campaign, at: datetime, *, zone: str) -> tuple[date, str | None, datetime | None]:
    """On which day a time falls, the time on each reader's clock where that counts, and when the last reader has it."""
    span = (ALL_ZONES if spec.timezone == RECIPIENT else timedelta()) + (_BEST_HOUR if spec.best_hour else timedelta())
    ends_at = at + span if span else None
    if spec.timezone != RECIPIENT:
        return at.astimezone(ZoneInfo(zone)).date(), None, ends_at
    wall = at.astimezone(zone_of(planning_zone(RECIPIENT)))
    return wall.date(), f"{wall:%H:%M}", ends_at


def sent_run(head: CampaignHead, run: Run, progress: Progress, *, cancelled: bool) -> SentRun:
    """A run that ends now, as the calendar keeps it."""
    spec, at = recalled(Campaign, run.spec), parse_rfc3339(run.scheduled_at)
    own_clock = spec.timezone == RECIPIENT and run.resend_of is None
    return SentRun(
        run.campaign_id,
        run.scheduled_at,
        spec.name,
        run.letter["category"],
        targeted=progress.targeted,
        sent=progress.sent,
        cancelled=cancelled,
        resend=run.resend_of is not None,
        local=f"{at.astimezone(zone_of(planning_zone(RECIPIENT))):%Y-%m-%dT%H:%M}" if own_clock else None,
        service=head.service,
        created_by=head.created_by,
    )


def caps_reached(sendings: Sequence[Sending], caps: Mapping[str, Cap]) -> list[CapReached]:
    """Where a cap bites, by day: once for each sending that is one too many."""
    by_category: defaultdict[str, list[Sending]] = defaultdict(list)
    for one in sorted(sendings, key=lambda one: one.at):
        if one.category in caps and one.state != "cancelled" and not one.resend:
            by_category[one.category or ""].append(one)
    found = []
    for category, those in by_category.items():
        cap = caps[category]
        for n, one in enumerate(those):
            since = one.at - timedelta(days=cap.days)
            within = sum(before.at > since for before in those[: n + 1])
            if within > cap.letters:
                found.append(CapReached(category, one.day, within, cap.letters, cap.days))
    return sorted(found, key=lambda one: one.day)
