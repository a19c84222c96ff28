"""An approval covers everything that makes the letter (`letter_inputs.py`), and fixes what it can. A run sends what was
approved; if something else would be sent, the campaign goes back for approval, and says why (ADR 0051)."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from chalicelib.campaigns.letter_inputs import FROZEN, PACES, LetterInputs, differences
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.configuration.letter_settings import SITE_INPUTS
from chalicelib.errors import ChangedError, ConflictError, FieldError, Phrase
from chalicelib.etags import Fields, Seen, tag_of
from chalicelib.states import CampaignNews
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead, HeadChanges
from chalicelib.storage.campaigns import Campaigns

SERVICE = "service"  # who did it, in a timeline
_MAY_LOSE = (S.SCHEDULED, S.RUNNING, S.PAUSED, S.COMPLETED)
_REMEMBERED = 5  # of what approval was requested for, to describe later changes
# An approval is over.
FORGOTTEN: HeadChanges = {"approved": None, "approved_tag": None, "approved_site": None}


class Approvals:
    """What approval was requested for, and what was approved. Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, campaigns: Campaigns, inputs: LetterInputs) -> None:
        self._campaigns = campaigns
        self._inputs = inputs

    def inputs(self, head: CampaignHead, *, fresh: bool = False) -> dict[str, Any]:
        """Everything that makes the campaign's letters, as a run that began now would use it."""
        return self._inputs.of(spec_of(head), frozen=frozen_of(head), fresh=fresh)

    def tag(self, head: CampaignHead) -> str:
        """The tag of the campaign as a person has seen it."""
        return tag_of(self.inputs(head, fresh=True))

    def ask(self, head: CampaignHead, spec: Campaign, *, version: int) -> HeadChanges:
        """Records what approval is requested for."""
        inputs = self._inputs.of(spec, fresh=True)
        asked = {"tag": tag_of(inputs), "version": version, "inputs": _beside(inputs)}
        return {"asked": [*head.asked, asked][-_REMEMBERED:]}

    def require(self, head: CampaignHead, seen: Seen | None, now: Fields | None = None) -> None:
        """Passes if `now` (default: the current state) is what was seen; None: whatever there is. Raises: ChangedError
        (permanent), with a description if what was seen is known."""
        if seen is None:
            return
        now = now or self.inputs(head, fresh=True)
        try:
            seen.require(now, what=Phrase("the campaign"))
        except ChangedError as error:
            known = next((one for one in head.asked if one["tag"] in seen.tags), None)
            if known is None:
                raise
            before = {"segments": {}, "variant_templates": {}, **self._spec(head, known["version"]), **known["inputs"]}
            raise ChangedError(error.detail, differs=differences(before, now), tag=error.tag) from error

    def give(self, head: CampaignHead, now: Fields, *, by: str) -> HeadChanges:
        self._inputs.write_down(spec_of(head), now)
        return {
            "approved": _beside(now),
            "approved_tag": tag_of(now),
            "approved_site": tag_of({name: now[name] for name in SITE_INPUTS}),
            "approved_by": by,
            "approved_version": head.version,
        }

    def hold(self, head: CampaignHead) -> CampaignHead | None:
        """Sends a campaign that would send something else than approved back for approval, and returns it; None: it may
        continue."""
        differs = self.differs(head)
        if not differs:
            return None
        # A run that has begun keeps its letter; any other is compared as it would be now.
        changes: HeadChanges = {"due": False} if head.open_runs else {"due": False, **FORGOTTEN}
        try:
            return self._campaigns.enter(
                head,
                S.AWAITING_APPROVAL,
                only_from=_MAY_LOSE,
                by=SERVICE,
                event=CampaignNews.APPROVAL_LOST,
                note=reduce(
                    lambda one, other: Phrase("{one}\n{other}", one=one, other=other), (d.said for d in differs)
                ),
                changes=changes,
            )
        except ConflictError:  # somebody has stopped it, or it waits already
            return self._campaigns.get(head.id)

    def differs(self, head: CampaignHead) -> list[FieldError]:
        """How it differs from what was approved; empty for a campaign that needs no approval."""
        if head.approved is None:
            return []
        before = {"segments": {}, **self._spec(head, head.approved_version or 0), **head.approved}
        now = self.inputs(head, fresh=True)
        slower = {name: before[name] for name in PACES if now[name] < before[name]}  # needs no approval
        return differences(before, {**now, **slower})

    def too_fast(self, head: CampaignHead, spec: Campaign) -> list[FieldError]:
        """The paces that exceed the approved ones."""
        if head.approved is None:
            return []
        approved = self._spec(head, head.approved_version or 0)
        return [
            FieldError(name, Phrase("expected at most {most}, which was approved", most=f"{approved[name]:g}"))
            for name in sorted(PACES)
            if getattr(spec, name) > approved[name]
        ]

    def _spec(self, head: CampaignHead, version: int) -> Mapping[str, Any]:
        stored = head if version == head.version else self._campaigns.version(head.id, version)
        return spec_of(stored).model_dump(mode="json", by_alias=True)


def frozen_of(head: CampaignHead) -> dict[str, Any] | None:
    """What an approval fixes; None if there is none."""
    return {name: head.approved.get(name, {}) for name in FROZEN} if head.approved else None


def _beside(inputs: Fields) -> dict[str, Any]:
    """The inputs that are not part of a campaign's version."""
    return {name: value for name, value in inputs.items() if name not in Campaign.model_fields}
