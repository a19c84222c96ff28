"""What runs bring, kept where lists and trends read it: noted every minute while a run goes on, and ever more rarely
afterwards, as letters are opened for weeks."""

from collections.abc import Callable
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from chalicelib.campaigns.progress import Progress
from chalicelib.campaigns.run_standing import standing_of
from chalicelib.clock import Clock, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.errors import NotFoundError
from chalicelib.isolation import each
from chalicelib.observability import Line, log_failure
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaign_results import note_results
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.run_outcomes import ENGAGEMENTS
from chalicelib.storage.run_progress import RunCounts, note_counts, read_counts
from chalicelib.storage.runs import PlannedRun, Run, Runs

FIRST_RECOUNT = timedelta(minutes=2)
LAST_RECOUNT = timedelta(days=30)  # after a run's end
SUMMED = ("sent", "delivered", "bounced", "complained", "failed", "uncertain", "cancelled", *sorted(ENGAGEMENTS))
_SECONDS = 15.0  # of a tick
_MOST = 50


class RunResults(Composed):
    """Every method raises: UnavailableError (retryable). `monotonic` is in seconds; `zone` says when a month begins."""

    campaigns: Campaigns
    runs: Runs
    clock: Clock
    monotonic: Callable[[], float]
    zone: str

    def note(self, head: CampaignHead, run: Run, counts: RunCounts) -> None:
        """Notes what a run has brought by now. Where another was faster, the next minute does."""
        standing = standing_of(head, run, counts)
        note_results(
            head,
            run,
            totals_of(run, standing.progress),
            expected=standing.expected,
            waits_for=standing.waits_for,
            month=month_of(parse_rfc3339(run.created_at), self.zone),
        )

    def tick(self) -> Line:
        """Counts finished runs again that are due, for some seconds; the next tick goes on."""
        began, now = self.monotonic(), self.clock()
        failed: list[object] = []

        def unreadable(key: tuple[str, str], error: Exception) -> None:
            log_failure("run results", error, run="@".join(key))
            failed.append(key)

        due = self.runs.to_recount(rfc3339(now), limit=_MOST)
        done = each(
            lambda key: self.monotonic() - began < _SECONDS and self._recount(*key, now=now), due, alone=unreadable
        )
        return Line(counts={"runs_recounted": sum(map(bool, done)), "unreadable": len(failed)})

    def _recount(self, campaign_id: str, scheduled_at: str, *, now: datetime) -> bool:
        run = self.runs.get(campaign_id, scheduled_at)
        if run is None or run.recount_at is None or run.recount_at > rfc3339(now):
            return False  # the index is eventually consistent
        try:
            head = self.campaigns.get(campaign_id)
        except NotFoundError:
            self.runs.recount_later(run, None)
            return False
        [counts] = read_counts([PlannedRun.of(run)])
        note_counts(PlannedRun.of(run), counts.words)
        self.note(head, run, counts)
        age = now - parse_rfc3339(run.finished_at or run.created_at)
        later = now + max(FIRST_RECOUNT, age / 2)
        self.runs.recount_later(run, rfc3339(later) if age < LAST_RECOUNT else None)
        return True


def month_of(moment: datetime, zone: str) -> str:
    """`2026-11`, where this moment is in November."""
    return f"{moment.astimezone(ZoneInfo(zone)):%Y-%m}"


def totals_of(run: Run, progress: Progress) -> dict[str, int]:
    """What totals have of a run by word. Whom a resend is for is among those whom its run was for."""
    planned = "resent" if run.resend_of else "targeted"
    summed = {word: getattr(progress, word) for word in SUMMED}
    return {planned: progress.targeted, "skipped": sum(progress.skipped.values()), **summed}
