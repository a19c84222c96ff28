"""What managers do with campaigns: draft → (approval) → scheduled → running ⇄ paused → completed | cancelled; and
resending what a run certainly did not send."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

from chalicelib.attachments import CampaignAttachment
from chalicelib.campaigns.approval import FORGOTTEN, Approvals
from chalicelib.campaigns.campaign_files import CampaignFiles
from chalicelib.campaigns.letter_inputs import PACES
from chalicelib.campaigns.lifecycle import GOING, Lifecycle, expect
from chalicelib.campaigns.model import Campaign, CampaignPatch, spec_of
from chalicelib.campaigns.run_standing import require_tried
from chalicelib.campaigns.runs import RunDriver
from chalicelib.campaigns.start_checks import StartChecks
from chalicelib.clock import Clock, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import time_name
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, Phrase, both
from chalicelib.etags import Seen
from chalicelib.schemas import kept
from chalicelib.service_scope import EVERYTHING, NO_OTHERS, Sight
from chalicelib.states import CampaignNews, state_word
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead, HeadChanges
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import Run, Runs

_EDITABLE = (S.DRAFT, S.AWAITING_APPROVAL, S.SCHEDULED, S.PAUSED)
ALIVE = (S.DRAFT, S.AWAITING_APPROVAL, S.SCHEDULED, S.RUNNING, S.PAUSED)


class CampaignCommands(Composed):
    """`by` is who does it. Every method returns the campaign as it is then, and raises: ConflictError, NotFoundError
    (permanent), UnavailableError (retryable)."""

    campaigns: Campaigns
    runs: Runs
    driver: RunDriver
    lifecycle: Lifecycle
    checks: StartChecks
    approvals: Approvals
    clock: Clock
    files: CampaignFiles
    approval: bool

    def draft(
        self,
        spec: Campaign,
        *,
        by: str,
        id_: str | None = None,
        service: str | None = None,
        hands: frozenset[str] = NO_OTHERS,
        sight: Sight = EVERYTHING,
    ) -> CampaignHead:
        """A new campaign, or the existing one with this `id_`; nothing is sent. It may name the lists and campaigns in
        `sight`; `hands` stand behind `by`. Raises: InvalidError (permanent; every bad field)."""
        self.checks.check(spec, sight=sight)
        spec = self._with_files(spec)
        return self.campaigns.add(kept(spec), paces=spec.paces, by=by, id_=id_, service=service, hands=hands)

    def edit(
        self,
        campaign_id: str,
        patch: CampaignPatch,
        *,
        by: str,
        hands: frozenset[str] = NO_OTHERS,
        seen: Seen | None = None,
        sight: Sight = EVERYTHING,
    ) -> CampaignHead:
        """Saves a new version; what was approved must be approved again. During a run only its paces may be changed,
        which takes effect within a minute. With `seen`, only if unchanged since; `sight` and `hands` as in `draft`.
        Raises: InvalidError, ChangedError (permanent)."""
        head = self.campaigns.get(campaign_id, sight=sight)
        self.approvals.require(head, seen)
        before, given = spec_of(head), patch.model_dump(exclude_unset=True, by_alias=True)
        set_ = {name: value for name, value in given.items() if value is not None}
        left = {k: v for k, v in before.model_dump(by_alias=True, exclude_unset=False).items() if k not in given}
        spec = Campaign.model_validate({**left, **set_})
        spec = self._with_files(spec, before=before.attachments)
        changes = self._after(head, before, spec, set(given), sight=sight)
        try:
            return self.campaigns.edit(head, kept(spec), paces=spec.paces, by=by, hands=hands, changes=changes)
        except ConflictError:
            if seen is None:
                raise
            # Another's version is not what was seen.
            return self.edit(campaign_id, patch, by=by, hands=hands, seen=seen, sight=sight)

    def _with_files(self, spec: Campaign, *, before: Sequence[CampaignAttachment] = ()) -> Campaign:
        return spec.model_copy(update={"attachments": self.files.take(spec.attachments, before=before)})

    def _after(
        self, head: CampaignHead, before: Campaign, spec: Campaign, given: Collection[str], *, sight: Sight
    ) -> HeadChanges:
        """What else happens to a campaign that is edited. Raises: as `edit`."""
        if set(given) <= PACES:
            too_fast = self.approvals.too_fast(head, spec)
            if not too_fast:
                return {}
            if head.open_runs:
                raise InvalidError(Phrase("while a run goes on, its pace may not exceed the approved one"), too_fast)
        if head.state not in _EDITABLE or head.open_runs:
            only = both(sorted(PACES))
            raise ConflictError(
                Phrase(
                    "the campaign is {state}: only {what} can be changed now", state=state_word(head.state), what=only
                )
            )
        self.checks.check(spec, known_start=before.start_at, sight=sight)
        if head.state != S.DRAFT and self.approval:
            asked = self.approvals.ask(head, spec, version=head.version + 1)
            return {**FORGOTTEN, "state": S.AWAITING_APPROVAL, "due": False, "next_run_at": None, **asked}
        if head.next_run_at is not None:
            return {**FORGOTTEN, "next_run_at": time_name(self.lifecycle.first_run(spec))}
        return FORGOTTEN

    def start(self, campaign_id: str, *, by: str, seen: Seen | None = None) -> CampaignHead:
        """Checks everything, then schedules it, or requests approval. With `seen`, only if unchanged since. Raises:
        InvalidError (nothing was started), ChangedError (permanent)."""
        head = self.campaigns.get(campaign_id)
        if head.state in (S.AWAITING_APPROVAL, *GOING):
            return head
        expect(head, [S.DRAFT])
        self.approvals.require(head, seen)
        spec = spec_of(head)
        self.checks.check_start(spec)
        counted = self.checks.estimated(head, spec)
        if not self.approval:
            return self.lifecycle.schedule(head, only_from=[S.DRAFT], by=by, changes=counted, same_version=True)
        asked: HeadChanges = {**counted, **self.approvals.ask(head, spec, version=head.version)}
        return self.lifecycle.reach(
            head, S.AWAITING_APPROVAL, only_from=[S.DRAFT], by=by, changes=asked, same_version=True
        )

    def pause(self, campaign_id: str, *, by: str) -> CampaignHead:
        """No new chunk is sent from now on."""
        head = self.campaigns.get(campaign_id)
        return self.lifecycle.reach(head, S.PAUSED, only_from=[S.SCHEDULED, S.RUNNING], by=by, changes={"due": False})

    def resume(self, campaign_id: str, *, by: str) -> CampaignHead:
        """Continues with exactly what is left; if that is not what was approved, it waits for approval."""
        head = self.campaigns.get(campaign_id)
        if head.state in GOING:
            return head
        expect(head, [S.PAUSED])
        return self.approvals.hold(head) or self.lifecycle.go_on(head, only_from=[S.PAUSED], by=by)

    def cancel(self, campaign_id: str, *, by: str) -> CampaignHead:
        """Stops it for good: whatever no worker has claimed is cancelled."""
        head = self.campaigns.get(campaign_id)
        stopped = self.lifecycle.reach(
            head, S.CANCELLED, only_from=ALIVE, by=by, changes={"due": False, "next_run_at": None}
        )
        if stopped is not head:
            self.driver.kick_all(stopped)
        return stopped

    def release_canary(self, campaign_id: str, *, by: str, run_id: str | None = None) -> CampaignHead:
        """Sends the held rest of a run (default: the newest that holds back one), once its first part has gone; if it
        is not what was approved, it waits for approval."""
        head = self.campaigns.get(campaign_id)
        runs = [run for run in self.runs.of(campaign_id) if not run.resend_of and run_id in (None, run.run_id)]
        run = next((run for run in runs if run.opened and not run.canary_released_at), None)
        if spec_of(head).canary_percent is None or run is None:
            if runs and runs[0].canary_released_at:
                return head
            raise ConflictError(Phrase("no canary of this campaign is held"))
        expect(head, ALIVE)
        require_tried(head, run)
        held = self.approvals.hold(head)
        if held is not None:
            return held
        released = self.runs.release_canary(run, at=rfc3339(self.clock()))
        if released is not None:
            head = self.campaigns.enter(
                head,
                None,
                only_from=ALIVE,
                by=by,
                event=CampaignNews.CANARY_RELEASED,
                changes={"waits_for": None},
            )
        self.driver.wake_held(released or run)
        return head


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
