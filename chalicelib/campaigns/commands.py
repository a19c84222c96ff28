"""What managers do with campaigns: draft → (approval) → scheduled → running ⇄ paused → completed | cancelled. Called by
the API and by the admin page."""

from collections.abc import Collection

from pynamodb.expressions.update import Action

from chalicelib.campaigns.approval import Approvals, forget
from chalicelib.campaigns.jobs import time_name
from chalicelib.campaigns.letter_inputs import PACES
from chalicelib.campaigns.lifecycle import GOING, Course, expect
from chalicelib.campaigns.model import Campaign, CampaignPatch, State
from chalicelib.campaigns.runs import Runs
from chalicelib.campaigns.start_checks import Readiness
from chalicelib.campaigns.store import CampaignStore, spec_of
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, InvalidError, Phrase, both
from chalicelib.etags import Seen
from chalicelib.service_scope import EVERYTHING, NO_OTHERS, Sight
from chalicelib.storage.dynamodb import update_if
from chalicelib.storage.rows.campaigns import CampaignRow, RunRow

_EDITABLE: tuple[State, ...] = ("draft", "awaiting_approval", "scheduled", "paused")
ALIVE: tuple[State, ...] = ("draft", "awaiting_approval", "scheduled", "running", "paused")


class CampaignControl:
    """The control desk of one stage. `by` is who does it."""

    def __init__(
        self,
        *,
        campaigns: CampaignStore,
        runs: Runs,
        course: Course,
        readiness: Readiness,
        approvals: Approvals,
        clock: Clock,
        approval: bool,
    ) -> None:
        self._campaigns = campaigns
        self._runs = runs
        self._course = course
        self._readiness = readiness
        self._approvals = approvals
        self._clock = clock
        self._approval = approval

    def draft(
        self,
        spec: Campaign,
        *,
        by: str,
        id_: str | None = None,
        service: str | None = None,
        hands: frozenset[str] = NO_OTHERS,
        sight: Sight = EVERYTHING,
    ) -> CampaignRow:
        """A new campaign, found again where there is one with this `id_`; nothing is sent. It may name the lists and
        campaigns in `sight`; `hands` stand behind `by`. Raises: InvalidError (permanent; every bad field),
        UnavailableError (retryable)."""
        self._readiness.check(spec, sight=sight)
        return self._campaigns.add(spec, by=by, id_=id_, service=service, hands=hands)

    def edit(
        self,
        campaign_id: str,
        patch: CampaignPatch,
        *,
        by: str,
        hands: frozenset[str] = NO_OTHERS,
        seen: Seen | None = None,
        sight: Sight = EVERYTHING,
    ) -> CampaignRow:
        """Saves a new version; what was approved must be approved again. While a run goes on only its paces may be
        changed, and they act within a minute. With `seen`, only that one is changed; `sight` and `hands` as in `draft`.
        Raises: InvalidError, ConflictError, ChangedError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id, sight=sight)
        if seen is not None:
            self._approvals.require(head, seen, self._approvals.inputs(head, fresh=True))
        before, given = spec_of(head), patch.model_dump(exclude_unset=True, by_alias=True)
        changes = {name: value for name, value in given.items() if value is not None}
        kept = {k: v for k, v in before.model_dump(by_alias=True, exclude_unset=False).items() if k not in given}
        spec = Campaign.model_validate({**kept, **changes})
        extra = self._after(head, before, spec, set(given), sight=sight)
        try:
            self._campaigns.edit(head, spec, by=by, hands=hands, extra=extra)
        except ConflictError:
            if seen is None:
                raise
            # What another saved is not what was seen.
            return self.edit(campaign_id, patch, by=by, hands=hands, seen=seen, sight=sight)
        return head

    def _after(
        self, head: CampaignRow, before: Campaign, spec: Campaign, given: Collection[str], *, sight: Sight
    ) -> list[Action]:
        """What else becomes of a campaign that is changed. Raises: as `edit`."""
        if set(given) <= PACES:
            too_fast = self._approvals.too_fast(head, spec)
            if not too_fast:
                return []
            if head.open_runs:
                raise InvalidError(Phrase("while a run goes on, its pace may not exceed the approved one"), too_fast)
        if head.state not in _EDITABLE or head.open_runs:
            raise ConflictError(
                Phrase(
                    "the campaign is {state}: only {what} can be changed now",
                    state=head.state,
                    what=both(sorted(PACES)),
                )
            )
        self._readiness.check(spec, known_start=before.start_at, sight=sight)
        extra = forget()
        if head.state != "draft" and self._approval:
            version, asked = int(head.version) + 1, head.asked or ()
            extra += [CampaignRow.state.set("awaiting_approval"), CampaignRow.due.remove()]
            extra += [CampaignRow.next_run_at.remove(), self._approvals.ask(spec, version=version, before=asked)]
        elif head.next_run_at is not None:
            extra += [CampaignRow.next_run_at.set(time_name(self._course.first_run(spec)))]
        return extra

    def start(self, campaign_id: str, *, by: str, seen: Seen | None = None) -> CampaignRow:
        """Checks everything, then schedules it, or asks for approval. With `seen`, only that one. Raises: InvalidError
        (nothing was started), ConflictError, ChangedError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        if head.state in ("awaiting_approval", *GOING):
            return head
        expect(head, ["draft"])
        if seen is not None:
            self._approvals.require(head, seen, self._approvals.inputs(head, fresh=True))
        spec = spec_of(head)
        self._readiness.check_start(spec)
        unchanged = CampaignRow.version == int(head.version)
        if not self._approval:
            return self._course.schedule(head, only_from=["draft"], by=by, only_if=unchanged)
        asked = self._approvals.ask(spec, version=int(head.version), before=head.asked or ())
        self._course.reach(head, "awaiting_approval", only_from=["draft"], by=by, extra=[asked], only_if=unchanged)
        return head

    def pause(self, campaign_id: str, *, by: str) -> CampaignRow:
        """No new chunk is sent from now on. Raises: ConflictError, NotFoundError (permanent), UnavailableError
        (retryable)."""
        head = self._campaigns.get(campaign_id)
        self._course.reach(head, "paused", only_from=["scheduled", "running"], by=by, extra=[CampaignRow.due.remove()])
        return head

    def resume(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Goes on with exactly what is left; if that is not what was approved, it waits for approval. Raises:
        ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        if head.state in GOING:
            return head
        expect(head, ["paused"])
        if not self._approvals.hold(head):
            self._course.go_on(head, only_from=["paused"], by=by)
        return head

    def cancel(self, campaign_id: str, *, by: str) -> CampaignRow:
        """Stops it for good: what has not been claimed by a worker is cancelled. Raises: ConflictError, NotFoundError
        (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        stop = [CampaignRow.due.remove(), CampaignRow.next_run_at.remove()]
        if self._course.reach(head, "cancelled", only_from=ALIVE, by=by, extra=stop):
            self._course.kick(head)
        return head

    def release_canary(self, campaign_id: str, *, by: str, run_id: str | None = None) -> CampaignRow:
        """Sends the held rest of a run (default: the newest that holds one); if it is not what was approved, it waits
        for approval. Raises: ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        runs = [run for run in self._runs.of(campaign_id) if not run.resend_of and run_id in (None, run.run_id)]
        run = next((run for run in runs if run.opened and not run.canary_released_at), None)
        if spec_of(head).canary_percent is None or run is None:
            if runs and runs[0].canary_released_at:
                return head
            raise ConflictError(Phrase("no canary of this campaign is held"))
        if self._approvals.hold(head):
            return head
        released = RunRow.opened.exists() & RunRow.canary_released_at.does_not_exist()
        if update_if(run, [RunRow.canary_released_at.set(rfc3339(self._clock()))], released):
            self._campaigns.enter(head, None, only_from=ALIVE, by=by, event="canary_released")
        self._runs.wake_parked(run)
        return head
