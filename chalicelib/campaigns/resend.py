"""Resends what a run certainly did not send."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.campaigns.approval import Approvals
from chalicelib.campaigns.lifecycle import expect
from chalicelib.campaigns.runs import RunDriver
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import time_name
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.states import CampaignNews
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import Run, Runs


class Resend(Composed):
    """`by` is who asks."""

    campaigns: Campaigns
    runs: Runs
    driver: RunDriver
    approvals: Approvals
    clock: Clock

    def begin(
        self, campaign_id: str, *, by: str, run: str | None = None, reasons: Sequence[str] | None = None
    ) -> CampaignHead:
        """Resends what a run (default: the newest) certainly did not send, for these reasons (default: all). Repeated,
        it takes only what is still unsent; while the same is being sent, nothing more starts. Raises: ConflictError,
        NotFoundError (permanent), UnavailableError (retryable)."""
        head = self.campaigns.get(campaign_id)
        known = self.runs.of(campaign_id)
        finished = [one for one in known if one.outcome is not None]
        chosen = next((one for one in finished if run is None or run in (one.run_id, one.scheduled_at)), None)
        if chosen is None:
            raise NotFoundError(Phrase("there is no such finished run"))
        if any(one.opened and _same(one, chosen, reasons) for one in known):
            return head
        held = self.approvals.hold(head)
        if held is not None:
            return held
        moment = self._promised(head)
        if moment is None:
            head, moment = self._promise(head, after=known[0], by=by)
        self.driver.open(head, moment, resend_of=chosen, reasons=reasons)
        return self.campaigns.get(campaign_id)

    def _promised(self, head: CampaignHead) -> datetime | None:
        """A resend that a crash interrupted between its two writes: repeating the click completes it."""
        missing = [at for at in head.open_runs if self.runs.get(head.id, at) is None]
        return datetime.fromisoformat(missing[0]) if missing else None

    def _promise(self, head: CampaignHead, *, after: Run, by: str) -> tuple[CampaignHead, datetime]:
        """Reserves the campaign for a resend: one at a time, so that two never take the same letters."""
        expect(head, [S.SCHEDULED, S.COMPLETED])
        moment = max(self.clock(), datetime.fromisoformat(after.scheduled_at) + timedelta(seconds=1))
        head = self.campaigns.enter(
            head,
            S.RUNNING,
            only_from=[S.SCHEDULED, S.COMPLETED],
            by=by,
            event=CampaignNews.RESEND,
            opening=time_name(moment),
        )
        return head, moment


def _same(one: Run, of: Run, reasons: Sequence[str] | None) -> bool:
    return one.resend_of == of.run_id and list(one.reasons or ()) == list(reasons or ())
