"""An approval binds: it is given for all that makes the letter (`letter_inputs.py`), and keeps it. A run is made of
what was approved; where something else would be sent, the campaign goes back to whoever approves, and says why.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import reduce
from typing import Any

from pynamodb.expressions.update import Action

from chalicelib.campaigns.letter_inputs import FROZEN, PACES, CampaignInputs, differences
from chalicelib.campaigns.model import Campaign, State
from chalicelib.campaigns.store import CampaignStore, spec_of
from chalicelib.configuration.letter_settings import SITE_INPUTS
from chalicelib.errors import ChangedError, ConflictError, FieldError, Phrase
from chalicelib.etags import Fields, Seen, tag_of
from chalicelib.storage.rows.campaigns import CampaignRow

SERVICE = "service"  # whose doing it is in a timeline
LOST = "approval_lost"
_HELD: tuple[State, ...] = ("scheduled", "running", "paused", "completed")
_REMEMBERED = 5  # of what was asked approval for, to say in words what has changed since


class Approvals:
    """The approvals of one stage."""

    def __init__(self, *, campaigns: CampaignStore, inputs: CampaignInputs) -> None:
        self._campaigns = campaigns
        self._inputs = inputs

    def inputs(self, head: CampaignRow, *, fresh: bool = False) -> dict[str, Any]:
        """All that makes the campaign's letters, as a run that began now would take it. Raises:
        UnavailableError (retryable)."""
        return self._inputs.of(spec_of(head), frozen=frozen_of(head), fresh=fresh)

    def tag(self, head: CampaignRow) -> str:
        """What a person has seen of the campaign. Raises: as `inputs`."""
        return tag_of(self.inputs(head, fresh=True))

    def ask(self, spec: Campaign, *, version: int, before: Sequence[Any] = ()) -> Action:
        """Notes what approval is asked for. Raises: as `inputs`."""
        inputs = self._inputs.of(spec, fresh=True)
        asked = {"tag": tag_of(inputs), "version": version, "inputs": _beside(inputs)}
        return CampaignRow.asked.set([*before, asked][-_REMEMBERED:])

    def require(self, head: CampaignRow, seen: Seen, now: Fields) -> None:
        """Goes on if `now` is what was seen. Raises: ChangedError (permanent), in words where what was seen is known,
        UnavailableError (retryable)."""
        try:
            seen.require(now, what=Phrase("the campaign"))
        except ChangedError as error:
            known = next((one for one in head.asked or () if one["tag"] in seen.tags), None)
            if known is None:
                raise
            before = {**self._spec(head, known["version"]), **known["inputs"]}
            raise ChangedError(error.detail, differs=differences(before, now), tag=error.tag) from error

    def give(self, head: CampaignRow, now: Fields, *, by: str) -> list[Action]:
        """What is written down of an approval. Raises: UnavailableError (retryable)."""
        self._inputs.write_down(self._inputs.edition(spec_of(head), now))
        return [
            CampaignRow.approved.set(_beside(now)),
            CampaignRow.approved_tag.set(tag_of(now)),
            CampaignRow.approved_site.set(tag_of({name: now[name] for name in SITE_INPUTS})),
            CampaignRow.approved_by.set(by),
            CampaignRow.approved_version.set(int(head.version)),
        ]

    def hold(self, head: CampaignRow) -> bool:
        """Whether the campaign may not go on: what it would send now is not what was approved. It waits for approval
        then. Raises: UnavailableError (retryable)."""
        differs = self.differs(head)
        if not differs:
            return False
        # A run that has begun keeps its letter; any other is asked about as it would be now.
        forgotten = [] if head.open_runs else forget()
        with suppress(ConflictError):  # somebody has stopped it, or it waits already
            self._campaigns.enter(
                head,
                "awaiting_approval",
                only_from=_HELD,
                by=SERVICE,
                event=LOST,
                note=reduce(
                    lambda one, other: Phrase("{one}\n{other}", one=one, other=other), (each.said for each in differs)
                ),
                extra=[CampaignRow.due.remove(), *forgotten],
            )
        return True

    def differs(self, head: CampaignRow) -> list[FieldError]:
        """In what it is not as it was approved; nothing of a campaign that nobody was asked about."""
        if head.approved is None:
            return []
        before = {**self._spec(head, int(head.approved_version)), **head.approved}
        now = self.inputs(head, fresh=True)
        slower = {name: before[name] for name in PACES if now[name] < before[name]}  # is nobody's concern
        return differences(before, {**now, **slower})

    def too_fast(self, head: CampaignRow, spec: Campaign) -> list[FieldError]:
        """The paces that are above the approved ones. Raises: UnavailableError (retryable)."""
        if head.approved is None:
            return []
        approved = self._spec(head, int(head.approved_version))
        return [
            FieldError(name, Phrase("expected at most {most}, which was approved", most=f"{approved[name]:g}"))
            for name in sorted(PACES)
            if getattr(spec, name) > approved[name]
        ]

    def _spec(self, head: CampaignRow, version: int) -> Mapping[str, Any]:
        row = head if int(head.version) == version else self._campaigns.version(head.id, version)
        return spec_of(row).model_dump(mode="json", by_alias=True)


def frozen_of(head: CampaignRow) -> dict[str, Any] | None:
    """What an approval keeps; None where there is none."""
    return {name: head.approved[name] for name in FROZEN} if head.approved else None


def forget() -> list[Action]:
    """An approval is over."""
    return [CampaignRow.approved.remove(), CampaignRow.approved_tag.remove(), CampaignRow.approved_site.remove()]


def _beside(inputs: Fields) -> dict[str, Any]:
    """The inputs that no version of the campaign tells."""
    return {name: value for name, value in inputs.items() if name not in Campaign.model_fields}
