"""Another manager's word on a campaign: let it go, or send it back and say why."""

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from pynamodb.expressions.update import Action

from chalicelib.campaigns.approval import Approvals, forget
from chalicelib.campaigns.lifecycle import GOING, Course, expect
from chalicelib.campaigns.model import State
from chalicelib.campaigns.start_checks import Readiness
from chalicelib.campaigns.store import CampaignStore, last_event, spec_of
from chalicelib.errors import ConflictError, ForbiddenError, Phrase
from chalicelib.etags import Seen
from chalicelib.rendering.model import Version
from chalicelib.service_scope import NO_OTHERS
from chalicelib.storage.rows.campaigns import CampaignRow
from chalicelib.text import Text

SENT_BACK = "sent_back"
Comment = Annotated[Text, Field(min_length=1, max_length=1000, description="what is to be changed, for who wrote it")]


class Approving:
    """Where the campaigns of one stage are approved. `by` is who does it."""

    def __init__(self, *, campaigns: CampaignStore, course: Course, readiness: Readiness, approvals: Approvals) -> None:
        self._campaigns = campaigns
        self._course = course
        self._readiness = readiness
        self._approvals = approvals

    def approve(self, campaign_id: str, *, by: str, seen: Seen, hands: frozenset[str] = NO_OTHERS) -> CampaignRow:
        """Lets it go, if it is what was seen. Nobody approves a version of their own, be it by another key of the same
        service or of the same maker: `hands` stand behind `by`. Raises: ForbiddenError, ChangedError, InvalidError,
        ConflictError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        if self._is_approved(head, seen):
            return head
        expect(head, ["awaiting_approval"])
        if not self._campaigns.authors(head).isdisjoint({by, *hands}):
            raise ForbiddenError(Phrase("a campaign is approved by others than those who wrote it"))
        now = self._approvals.inputs(head, fresh=True)
        self._approvals.require(head, seen, now)
        self._check(head, version=now["template_version"])
        self._let_go(head, now, by=by, seen=seen)
        return head

    def send_back(self, campaign_id: str, *, by: str, comment: str, seen: Seen | None = None) -> CampaignRow:
        """To who wrote it, with what is to be changed; a run that has begun waits. With `seen`, only that one. Raises:
        ConflictError, ChangedError, NotFoundError (permanent), UnavailableError (retryable)."""
        head = self._campaigns.get(campaign_id)
        if told(head, SENT_BACK) == comment and head.state != "awaiting_approval":
            return head
        expect(head, ["awaiting_approval"])
        if seen is not None:
            self._approvals.require(head, seen, self._approvals.inputs(head, fresh=True))
        over = [] if head.open_runs else [CampaignRow.next_run_at.remove(), *forget()]
        state: State = "paused" if head.open_runs else "completed" if _has_run(head) else "draft"
        self._campaigns.enter(
            head,
            state,
            only_from=["awaiting_approval"],
            by=by,
            event=SENT_BACK,
            note=comment,
            extra=over,
            only_if=CampaignRow.version == int(head.version),
        )
        return head

    def _is_approved(self, head: CampaignRow, seen: Seen) -> bool:
        """Whether just this was approved and goes. Raises: ChangedError (permanent): something else was."""
        if head.approved is None or head.state not in GOING:
            return False
        if head.approved_tag in seen.tags:
            return True
        self._approvals.require(head, seen, self._approvals.inputs(head, fresh=True))
        return not self._approvals.differs(head)  # else it is seen as it is now, which nobody has approved yet

    def _check(self, head: CampaignRow, *, version: Version) -> None:
        spec = spec_of(head)
        if _goes_on(head):  # its time has passed, and what its rule means may be nobody any more
            self._readiness.check(spec, known_start=spec.start_at, version=version)
        else:
            self._readiness.check_start(spec, version=version)

    def _let_go(self, head: CampaignRow, now: dict[str, Any], *, by: str, seen: Seen) -> None:
        approval: Sequence[Action] = self._approvals.give(head, now, by=by)
        unchanged = CampaignRow.version == int(head.version)
        try:
            if _goes_on(head):
                self._course.go_on(head, only_from=["awaiting_approval"], by=by, extra=approval, only_if=unchanged)
            else:
                self._course.schedule(head, only_from=["awaiting_approval"], by=by, extra=approval, only_if=unchanged)
        except ConflictError:
            if not self._is_approved(self._campaigns.get(head.id), seen):
                raise


def told(head: CampaignRow, *events: str) -> str | None:
    """What the newest entry of the timeline says, if it is one of these events."""
    newest = last_event(head)
    return newest.get("note") if newest.get("event") in events else None


def _goes_on(head: CampaignRow) -> bool:
    return bool(head.open_runs or head.next_run_at or _has_run(head))


def _has_run(head: CampaignRow) -> bool:
    """Whether it was for once, and that was: its letters are not sent again."""
    return spec_of(head).schedule is None and head.newest_run is not None
