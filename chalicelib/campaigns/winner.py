"""A manager's choice of the variant that the rest of a run gets."""

from chalicelib.campaigns.approval import Approvals
from chalicelib.campaigns.experiment_decision import ExperimentDecisions, awaits_winner
from chalicelib.campaigns.runs import RunDriver
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, Phrase
from chalicelib.states import HELD, CampaignState
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.runs import Run, Runs

_NEWEST = 10


class Winner(Composed):
    campaigns: Campaigns
    runs: Runs
    driver: RunDriver
    approvals: Approvals
    decisions: ExperimentDecisions

    def choose(self, campaign_id: str, variant: str, *, by: str, run_id: str | None = None) -> CampaignHead:
        """Sends the rest of a run (`tested_run`) this variant; if that is not what was approved, the campaign waits for
        approval. Repeated, it changes nothing. Raises: ConflictError (permanent: nothing is tested, or another variant
        has won), NotFoundError (permanent), UnavailableError (retryable)."""
        head = self.campaigns.get(campaign_id)
        run = tested_run(self.runs, campaign_id, run_id)
        if run is None:
            raise ConflictError(Phrase("no run of this campaign has variants yet"))
        if head.state == CampaignState.CANCELLED:
            raise ConflictError(Phrase("the run is over: there is nobody left to get a winner"))
        held = self.approvals.hold(head) if awaits_winner(run) else None
        if held is not None:
            return held
        decided = self.decisions.choose(head, run, variant, by=by)
        if decided.opened and head.state not in HELD:
            self.driver.wake_held(decided)
        return self.campaigns.get(campaign_id)


def tested_run(runs: Runs, campaign_id: str, run_id: str | None = None) -> Run | None:
    """The run of this id with variants; by default the newest that waits for a winner, or else the newest, of ten."""
    named = runs.get(campaign_id, run_id.removeprefix(f"{campaign_id}@")) if run_id else None
    found = [named] if run_id else runs.of(campaign_id, limit=_NEWEST)
    tested = [run for run in found if run is not None and run.variants and not run.resend_of]
    return next((run for run in tested if awaits_winner(run)), next(iter(tested), None))
