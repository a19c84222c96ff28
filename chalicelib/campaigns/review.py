"""Approving another manager's campaign, or sending it back with a comment."""

from typing import Annotated

from pydantic import Field

from chalicelib.campaigns.approval import FORGOTTEN, Approvals
from chalicelib.campaigns.lifecycle import GOING, Lifecycle, expect
from chalicelib.campaigns.model import spec_of
from chalicelib.campaigns.start_checks import StartChecks
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, ForbiddenError, Phrase
from chalicelib.etags import Seen
from chalicelib.service_scope import NO_OTHERS
from chalicelib.states import CampaignNews
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead
from chalicelib.storage.campaigns import Campaigns
from chalicelib.text import Text

Comment = Annotated[Text, Field(min_length=1, max_length=1000, description="what is to be changed, for who wrote it")]


class Review(Composed):
    """`by` is who does it. Every method raises: UnavailableError (retryable)."""

    campaigns: Campaigns
    lifecycle: Lifecycle
    checks: StartChecks
    approvals: Approvals

    def approve(self, campaign_id: str, *, by: str, seen: Seen, hands: frozenset[str] = NO_OTHERS) -> CampaignHead:
        """Approves it, if it is what was seen. Nobody can approve a version of their own, whether by another key of the
        same service or of the same maker: `hands` stand behind `by`. Raises: ForbiddenError, ChangedError,
        InvalidError, ConflictError, NotFoundError (permanent)."""
        head = self.campaigns.get(campaign_id)
        if self._is_approved(head, seen):
            return head
        expect(head, [S.AWAITING_APPROVAL])
        if not self.campaigns.authors(head).isdisjoint({by, *hands}):
            raise ForbiddenError(Phrase("a campaign must be approved by somebody who did not write it"))
        now = self.approvals.inputs(head, fresh=True)
        self.approvals.require(head, seen, now)
        going_on, spec = _goes_on(head), spec_of(head)
        if going_on:  # its time has passed, and its rule may match nobody any more
            self.checks.check(spec, known_start=spec.start_at, version=now["template_version"])
        else:
            self.checks.check_start(spec, version=now["template_version"])
        let_go = self.lifecycle.go_on if going_on else self.lifecycle.schedule
        approval = self.approvals.give(head, now, by=by)
        try:
            return let_go(head, only_from=[S.AWAITING_APPROVAL], by=by, changes=approval, same_version=True)
        except ConflictError:
            head = self.campaigns.get(head.id)
            if not self._is_approved(head, seen):
                raise
            return head

    def send_back(self, campaign_id: str, *, by: str, comment: str, seen: Seen | None = None) -> CampaignHead:
        """Back to its author, with what should be changed; a run that has begun is paused. With `seen`, only if
        unchanged since. Raises: ConflictError, ChangedError, NotFoundError (permanent)."""
        head = self.campaigns.get(campaign_id)
        if head.told(CampaignNews.SENT_BACK) == comment and head.state != S.AWAITING_APPROVAL:
            return head
        expect(head, [S.AWAITING_APPROVAL])
        self.approvals.require(head, seen)
        state: S = S.PAUSED if head.open_runs else S.COMPLETED if _has_run(head) else S.DRAFT
        return self.campaigns.enter(
            head,
            state,
            only_from=[S.AWAITING_APPROVAL],
            by=by,
            event=CampaignNews.SENT_BACK,
            note=comment,
            changes=None if head.open_runs else {"next_run_at": None, **FORGOTTEN},
            same_version=True,
        )

    def _is_approved(self, head: CampaignHead, seen: Seen) -> bool:
        """Whether exactly this was approved and is running. Raises: ChangedError (permanent): something else was."""
        if head.approved is None or head.state not in GOING:
            return False
        if head.approved_tag in seen.tags:
            return True
        self.approvals.require(head, seen)
        return not self.approvals.differs(head)  # else it is seen as it is now, which nobody has approved yet


def _goes_on(head: CampaignHead) -> bool:
    return bool(head.open_runs or head.next_run_at or _has_run(head))


def _has_run(head: CampaignHead) -> bool:
    """Whether it was to run once, and has: its letters are not sent again."""
    return spec_of(head).schedule is None and head.newest_run is not None
