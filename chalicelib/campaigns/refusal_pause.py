"""Pauses the run whose letters the provider refuses one after another, and says what the provider said. Called by
`admission.py`.

The count stands at the campaign: whoever resumes it before the fault is mended loses no further letter, as the next
refusal pauses it again.
"""

from chalicelib.campaigns.halt import Halt
from chalicelib.pipeline.refusal_streak import believed
from chalicelib.storage.dynamodb import update_if
from chalicelib.storage.rows.campaigns import HEAD_PART, CampaignRow


class RunRefusals:
    """For the runs of one stage."""

    def __init__(self, *, halt: Halt) -> None:
        self._halt = halt

    def believed(self, campaign_id: str, *, known: float, refused: int, accepted: int, said: str) -> int:
        """See `CampaignPort.believed`; `known` is the count as it was read."""
        row, there, held = CampaignRow(campaign_id, HEAD_PART), CampaignRow.state.exists(), CampaignRow.refusals

        def add(count: int, below: int) -> float | None:
            free = there & (held.does_not_exist() | (held < below))
            return float(row.refusals or 0) if update_if(row, [held.add(count)], free) else None

        def reset() -> None:
            update_if(row, [held.set(0)], there & (held > 0))

        left = believed(known=known, refused=refused, accepted=accepted, add=add, reset=reset)
        if left < refused:
            self._halt.refused(campaign_id, said)
        return left
