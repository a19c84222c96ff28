"""The calendar of what will be sent, is being sent, and was sent: read in a few requests, however many campaigns there
are."""

from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from typing import NamedTuple

from chalicelib.campaigns.model import Campaign, shown_spec
from chalicelib.campaigns.sendings import CapReached, Sending, caps_reached, times_of, wall_day
from chalicelib.categories import CATEGORIES
from chalicelib.clock import parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import Cap, DefaultQuietHours
from chalicelib.configuration.site_values import SiteValues
from chalicelib.deliveries import time_name
from chalicelib.pipeline.eligibility import quiet_until
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.storage.audience_counts import known_audience_count
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import PlannedRun, Runs
from chalicelib.storage.sent_runs import SentRun, sent_runs
from chalicelib.wall_clock import wall_moment, zone_of

MOST_CAMPAIGNS = 100  # of one look: one request
_MARGIN = timedelta(days=2)  # a time on readers' own clocks falls on a day that begins elsewhere


class CalendarSpan(NamedTuple):
    """Some days of the calendar, the sendings in order of their days. `caps` and `quiet` are the site's settings.
    `complete`: whether all campaigns are there; else those that are due first."""

    sendings: Sequence[Sending]
    reached: Sequence[CapReached]
    caps: Mapping[str, Cap]
    quiet: DefaultQuietHours
    complete: bool


class SendingCalendar(Composed):
    """Reads only."""

    campaigns: Campaigns
    runs: Runs
    templates: TemplateStore
    zone: str

    def between(self, first: date, last: date, *, values: SiteValues, sight: Sight = EVERYTHING) -> CalendarSpan:
        """From a day to another, both included, in the site's zone. Raises: UnavailableError (retryable)."""
        begin, end = self._midnight(first), self._midnight(last + timedelta(days=1))
        before = timedelta(days=max((cap.days for cap in values.caps.values()), default=0))
        due = self.campaigns.due(time_name(end + _MARGIN))
        open_runs = [(one, at) for one, at in self.runs.unfinished() if at < time_name(end + _MARGIN)]
        ids = list(dict.fromkeys([*(one for one, _ in open_runs), *due]))
        heads = [one for one in self.campaigns.some(ids[:MOST_CAMPAIGNS]) if sight.has(one.service, by=one.created_by)]
        specs = {head.id: shown_spec(head) for head in heads}
        categories = self._categories(specs.values())
        sent = [one for one in sent_runs(begin - before - _MARGIN, end + _MARGIN)
                if sight.has(one.service, by=one.created_by)]  # fmt: skip
        going = {(head.id, at) for head in heads for at in head.open_runs}
        found = [self._sent(one) for one in sent if (one.campaign_id, one.scheduled_at) not in going]
        for head in heads:
            spec = specs[head.id]
            made = self._made(head, spec, category=spec.category or categories.get(spec.template), end=end + _MARGIN)
            found += [one._replace(quiet_until=self._quiet(one, values.quiet_hours)) for one in made]
        reached = [one for one in caps_reached(found, values.caps) if first <= one.day <= last]
        shown = sorted((one for one in found if first <= one.day <= last), key=lambda one: (one.day, one.at, one.name))
        return CalendarSpan(shown, reached, values.caps, values.quiet_hours, len(ids) <= MOST_CAMPAIGNS)

    def _made(self, head: CampaignHead, spec: Campaign, *, category: str | None, end: datetime) -> list[Sending]:
        """What is being sent and what is planned."""
        going = [(parse_rfc3339(at), "running") for at in sorted(head.open_runs)]
        first = parse_rfc3339(head.next_run_at) if head.next_run_at else None
        planned = times_of(spec, first, end=end, default_zone=self.zone) if first else []
        recipients = _recipients(head)
        found = []
        for at, state in (*going, *((one, "planned") for one in planned)):
            day, local_time, ends_at = wall_day(spec, at, zone=self.zone)
            found.append(
                Sending(head.id, spec.name, state, day, at, category, ends_at, local_time, recipients=recipients)
            )
        return found

    def _sent(self, run: SentRun) -> Sending:
        at = parse_rfc3339(run.scheduled_at)
        wall = datetime.fromisoformat(run.local) if run.local else at.astimezone(zone_of(self.zone))
        return Sending(
            run.campaign_id,
            run.name,
            "cancelled" if run.cancelled else "sent",
            wall.date(),
            at,
            run.category,
            local_time=f"{wall:%H:%M}" if run.local else None,
            recipients=run.targeted,
            sent=run.sent,
            resend=run.resend,
        )

    def _quiet(self, one: Sending, quiet: DefaultQuietHours) -> str | None:
        category = CATEGORIES.get(one.category or "")
        if not quiet.starts or one.state != "planned" or (category is not None and category.transactional):
            return None
        zone, at = self.zone, one.at
        if one.local_time:
            zone, at = "UTC", datetime.combine(one.day, time.fromisoformat(one.local_time), UTC)
        return quiet.ends if quiet_until(quiet.starts, quiet.ends, zone=zone, at=at) else None

    def _categories(self, specs: Collection[Campaign]) -> dict[str, str]:
        """Of templates, where a campaign has no category of its own."""
        if all(spec.category for spec in specs):
            return {}
        return {template.key: template.category for template in self.templates.everything()}

    def _midnight(self, day: date) -> datetime:
        return wall_moment(datetime.combine(day, time()), self.zone)


def _recipients(head: CampaignHead) -> int | None:
    newest = PlannedRun.newest(head)
    before = newest.targeted // max(1, newest.channels) if newest and newest.targeted else None
    known = known_audience_count(head)
    return before if known is None else known
