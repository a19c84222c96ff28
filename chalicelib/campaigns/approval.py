"""An approval binds: it is given for all that makes the letter (`letter_inputs.py`), and keeps it. A run is made of
what was approved; where something else would be sent, the campaign goes back for approval, and says why."""

from collections.abc import Mapping
from functools import reduce
from typing import Any

from chalicelib.campaigns.letter_inputs import FROZEN, PACES, LetterInputs, differences
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.configuration.letter_settings import SITE_INPUTS
from chalicelib.errors import ChangedError, ConflictError, FieldError, Phrase
from chalicelib.etags import Fields, Seen, tag_of
from chalicelib.storage.campaign_head import CampaignHead, CampaignState, HeadChanges
from chalicelib.storage.campaigns import Campaigns

SERVICE = "service"  # who did it, in a timeline
LOST = "approval_lost"
_MAY_LOSE: tuple[CampaignState, ...] = ("scheduled", "running", "paused", "completed")
_REMEMBERED = 5  # of what was asked approval for, to say in words what has changed since
# An approval is over.
FORGOTTEN: HeadChanges = {"approved": None, "approved_tag": None, "approved_site": None}


class Approvals:
    """What approval is asked for, and what was approved. Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, campaigns: Campaigns, inputs: LetterInputs) -> None:
        self._campaigns = campaigns
        self._inputs = inputs

    def inputs(self, head: CampaignHead, *, fresh: bool = False) -> dict[str, Any]:
        """All that makes the campaign's letters, as a run that began now would take it."""
        return self._inputs.of(spec_of(head), frozen=frozen_of(head), fresh=fresh)

    def tag(self, head: CampaignHead) -> str:
        """What a person has seen of the campaign."""
        return tag_of(self.inputs(head, fresh=True))

    def ask(self, head: CampaignHead, spec: Campaign, *, version: int) -> HeadChanges:
        """Notes what approval is asked for."""
        inputs = self._inputs.of(spec, fresh=True)
        asked = {"tag": tag_of(inputs), "version": version, "inputs": _beside(inputs)}
        return {"asked": [*head.asked, asked][-_REMEMBERED:]}

    def require(self, head: CampaignHead, seen: Seen | None, now: Fields | None = None) -> None:
        """Goes on if `now` (default: as it is now) is what was seen; None: whatever there is. Raises: ChangedError
        (permanent), in words where what was seen is known."""
        if seen is None:
            return
        now = now or self.inputs(head, fresh=True)
        try:
            seen.require(now, what=Phrase("the campaign"))
        except ChangedError as error:
            known = next((one for one in head.asked if one["tag"] in seen.tags), None)
            if known is None:
                raise
            before = {**self._spec(head, known["version"]), **known["inputs"]}
            raise ChangedError(error.detail, differs=differences(before, now), tag=error.tag) from error

    def give(self, head: CampaignHead, now: Fields, *, by: str) -> HeadChanges:
        """What is written down of an approval."""
        self._inputs.write_down(self._inputs.edition(spec_of(head), now))
        return {
            "approved": _beside(now),
            "approved_tag": tag_of(now),
            "approved_site": tag_of({name: now[name] for name in SITE_INPUTS}),
            "approved_by": by,
            "approved_version": head.version,
        }

    def hold(self, head: CampaignHead) -> CampaignHead | None:
        """Sends a campaign that would send something else than was approved back for approval, and answers it; None:
        it may go on."""
        differs = self.differs(head)
        if not differs:
            return None
        # A run that has begun keeps its letter; any other is asked about as it would be now.
        changes: HeadChanges = {"due": False} if head.open_runs else {"due": False, **FORGOTTEN}
        try:
            return self._campaigns.enter(
                head,
                "awaiting_approval",
                only_from=_MAY_LOSE,
                by=SERVICE,
                event=LOST,
                note=reduce(
                    lambda one, other: Phrase("{one}\n{other}", one=one, other=other), (d.said for d in differs)
                ),
                changes=changes,
            )
        except ConflictError:  # somebody has stopped it, or it waits already
            return self._campaigns.get(head.id)

    def differs(self, head: CampaignHead) -> list[FieldError]:
        """In what it is not as it was approved; nothing of a campaign that nobody was asked about."""
        if head.approved is None:
            return []
        before = {**self._spec(head, head.approved_version or 0), **head.approved}
        now = self.inputs(head, fresh=True)
        slower = {name: before[name] for name in PACES if now[name] < before[name]}  # needs no approval
        return differences(before, {**now, **slower})

    def too_fast(self, head: CampaignHead, spec: Campaign) -> list[FieldError]:
        """The paces that are above the approved ones."""
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
    """What an approval keeps; None where there is none."""
    return {name: head.approved[name] for name in FROZEN} if head.approved else None


def _beside(inputs: Fields) -> dict[str, Any]:
    """The inputs that no version of the campaign tells."""
    return {name: value for name, value in inputs.items() if name not in Campaign.model_fields}
