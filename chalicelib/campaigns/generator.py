"""The scheduler of campaigns: opens runs that are due, keeps open ones going and closes finished ones.

Two simultaneous ticks, or a repeated one, make one run, since its key is its scheduled time. After a standstill the
campaign's policy decides about missed times.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from itertools import islice, takewhile

from chalicelib.campaigns.approval import Approvals
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.runs import RunDriver
from chalicelib.campaigns.schedule import missed, occurrences
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import time_name
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.isolation import each
from chalicelib.observability import Line, log_failure
from chalicelib.states import CampaignState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import Runs

ON_TIME = timedelta(minutes=10)  # a time counts as missed only after this
RUNS_IN_A_TICK = 100


class Generator(Composed):
    """Every method raises: UnavailableError (retryable: the next tick continues)."""

    campaigns: Campaigns
    runs: Runs
    driver: RunDriver
    approvals: Approvals
    clock: Clock
    default_zone: str

    def tick(self) -> Line:
        due = [(campaign_id,) for campaign_id in self.campaigns.due(time_name(self.clock()))]
        opened, strange = _each(self._open_due, due)
        closed, stranger = _each(self._look_after, self.runs.unfinished())
        return Line(counts={"runs_opened": opened, "runs_closed": closed, "unreadable": strange + stranger})

    def launch(self, head: CampaignHead) -> int:
        """Opens a campaign's due runs, if it is as approved; returns how many are new."""
        if head.next_run_at is None or head.state not in (CampaignState.SCHEDULED, CampaignState.RUNNING):
            return 0
        first, now = datetime.fromisoformat(head.next_run_at), self.clock()
        if first > now or self.approvals.hold(head) is not None:
            return 0
        due, following = self._times(spec_of(head), first, now)
        # In this order: a crash in between opens the same runs again, which changes nothing.
        try:
            new = sum(self.driver.open(head, moment) for moment in due)
        except ConflictError:
            return 0  # it was changed just now: the next tick takes the new state
        self.campaigns.plan_next(head, time_name(following) if following else None)
        return new

    def _open_due(self, campaign_id: str) -> int:
        try:
            return self.launch(self.campaigns.get(campaign_id))
        except NotFoundError:
            return 0

    def _times(self, spec: Campaign, first: datetime, now: datetime) -> tuple[list[datetime], datetime | None]:
        if spec.schedule is None:
            return [first], None
        times = occurrences(spec.schedule, spec.timezone or self.default_zone, after=first)
        passed = [first, *takewhile(lambda moment: moment <= now, islice(times, RUNS_IN_A_TICK - 1))]
        following = next(occurrences(spec.schedule, spec.timezone or self.default_zone, after=passed[-1]), None)
        if spec.misfire == "latest" and following is not None and following <= now:
            return [], following  # a long stop: the next tick goes on from here
        return missed(spec.misfire, passed, now=now, grace=ON_TIME), following

    def _look_after(self, campaign_id: str, scheduled_at: str) -> int:
        run = self.runs.get(campaign_id, scheduled_at)
        if run is None or not run.opened:
            return 0  # the index is eventually consistent
        head = self.campaigns.get(campaign_id)
        if head.state == CampaignState.RUNNING:
            head = self.approvals.hold(head) or head
        return int(self.driver.look_after(head, run))


def _each(do: Callable[..., int], things: Iterable[tuple[str, ...]]) -> tuple[int, int]:
    """The sum of the results, and how many items are damaged or written by another release: they stay for it, or for a
    person, and stop no other."""
    unreadable: list[tuple[str, ...]] = []

    def strange(thing: tuple[str, ...], error: Exception) -> None:
        log_failure("generator", error, campaign="@".join(thing))
        unreadable.append(thing)

    return sum(each(lambda thing: do(*thing), things, alone=strange)), len(unreadable)
