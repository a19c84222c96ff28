"""Sends once more what a run certainly did not send."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from chalicelib.campaigns.approval import Approvals
from chalicelib.campaigns.jobs import time_name
from chalicelib.campaigns.lifecycle import expect
from chalicelib.campaigns.runs import Runs
from chalicelib.campaigns.store import CampaignStore
from chalicelib.clock import Clock
from chalicelib.errors import NotFoundError, Phrase
from chalicelib.storage.rows.campaigns import CampaignRow, RunRow


class Resend:
    """The resends of one stage. `by` is who asks."""

    def __init__(self, *, campaigns: CampaignStore, runs: Runs, approvals: Approvals, clock: Clock) -> None:
        self._campaigns = campaigns
        self._runs = runs
        self._approvals = approvals
        self._clock = clock

    def begin(
        self, campaign_id: str, *, by: str, run: str | None = None, reasons: Sequence[str] | None = None
    ) -> CampaignRow:
        """Sends once more what a run (default: the newest) certainly did not send, for these reasons (default: all).
        Asked again it takes only what is still unsent; while the same is being sent, nothing more is begun. Raises:
        ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        known = self._runs.of(campaign_id)
        finished = [one for one in known if one.outcome is not None]
        chosen = next((one for one in finished if run is None or run in (one.run_id, one.scheduled_at)), None)
        if chosen is None:
            raise NotFoundError(Phrase("there is no such finished run"))
        if any(one.opened and _same(one, chosen, reasons) for one in known) or self._approvals.hold(head):
            return head
        moment = self._promised(head) or self._promise(head, after=known[0], by=by)
        self._runs.open(head, moment, resend_of=chosen, reasons=reasons)
        return head

    def _promised(self, head: CampaignRow) -> datetime | None:
        """A resend that a crash cut off between its two writes: the same click once more completes it."""
        missing = [at for at in head.open_runs or () if self._runs.get(head.id, at) is None]
        return datetime.fromisoformat(missing[0]) if missing else None

    def _promise(self, head: CampaignRow, *, after: RunRow, by: str) -> datetime:
        """Takes the campaign for a resend: one at a time, so that two never take the same letters."""
        expect(head, ["scheduled", "completed"])
        moment = max(self._clock(), datetime.fromisoformat(after.scheduled_at) + timedelta(seconds=1))
        self._campaigns.enter(
            head,
            "running",
            only_from=["scheduled", "completed"],
            by=by,
            event="resend",
            extra=[CampaignRow.open_runs.add({time_name(moment)})],
            only_if=CampaignRow.open_runs.does_not_exist(),
        )
        return moment


def _same(one: RunRow, of: RunRow, reasons: Sequence[str] | None) -> bool:
    return one.resend_of == of.run_id and (one.reasons or None) == (list(reasons) if reasons else None)
