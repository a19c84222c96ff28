"""Doubts refusals that come in a row, so that a fault of ours does not end a whole campaign: after the first
MOST_IN_A_ROW they are not believed, and their letters wait (ADR 0059).

A run is paused, and the manager sees what the provider said; letters without a run open the provider's circuit breaker.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.channels.port import Outcome, Verdict
from chalicelib.errors import UnavailableError
from chalicelib.flow.throttle import Throttle
from chalicelib.manifest import CHANNELS
from chalicelib.observability import logger
from chalicelib.pipeline.jobs import DeliverJob
from chalicelib.reasons import Reason

if TYPE_CHECKING:
    from chalicelib.pipeline.campaign_port import CampaignPort

# Few enough for a person to look at and send again; in a well-kept list SES refuses hardly any in the call.
MOST_IN_A_ROW = 20
# Adds to the stored count while it is below a limit; the new count, or None if it was not below it.
Add = Callable[[int, int], float | None]
# These concern one reader's device or choice, however many come in a row.
_OF_THE_READER = frozenset({Reason.NO_ENDPOINT, Reason.DEVICE_GONE, Reason.OPTED_OUT_AT_PROVIDER})


def believed(*, known: float, refused: int, accepted: int, add: Add, reset: Callable[[], None]) -> int:
    """How many of a call's refusals are believed: all, until MOST_IN_A_ROW are reached; beyond it none, in whatever
    worker. Letters accepted in the same call outweigh as many refusals, and if they outweigh all, the count is reset.
    `known`: the count as it was read. Raises: UnavailableError (retryable)."""
    surplus = refused - accepted
    if surplus <= 0:
        if known and accepted:
            reset()
        return refused
    now = add(surplus, MOST_IN_A_ROW)
    if now is None:
        return 0
    return refused if now < MOST_IN_A_ROW else min(refused, MOST_IN_A_ROW - round(now - surplus))


@dataclass(eq=False, repr=False, kw_only=True)
class RefusalStreak:
    """Weighs refusals."""

    throttles: Mapping[str, Throttle]
    campaigns: "CampaignPort"

    def weigh(self, job: DeliverJob, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """The outcomes of a call, with refusals that are not believed as *not accepted*. Never fails: the call was
        made."""
        refusals = [outcome for outcome in outcomes if _is_refusal(outcome)]
        accepted = sum(outcome.verdict is Verdict.ACCEPTED for outcome in outcomes)
        if not (refusals or accepted) or not CHANNELS[job.channel].one_provider:
            return outcomes
        try:
            left = self._believed(job, refusals, accepted)
        except UnavailableError:
            logger().warning("refusals were not counted", channel=job.channel)
            return outcomes
        return _but_for(outcomes, left, of_all=job.letter.run_id is None)

    def _believed(self, job: DeliverJob, refusals: Sequence[Outcome], accepted: int) -> int:
        refused = len(refusals)
        if job.letter.run_id is not None:
            said = next((one.said or one.reason or "" for one in refusals), "")
            return self.campaigns.believed(job, refused=refused, accepted=accepted, said=said)
        throttle = self.throttles[job.channel]
        return believed(
            known=throttle.refusals(),
            refused=refused,
            accepted=accepted,
            add=throttle.add_refusals,
            reset=throttle.reset_refusals,
        )


def _but_for(outcomes: Sequence[Outcome], believed: int, *, of_all: bool) -> Sequence[Outcome]:
    weighed = []
    for outcome in outcomes:
        if _is_refusal(outcome):
            believed -= 1
            if believed < 0:
                outcome = Outcome(Verdict.NOT_ACCEPTED, reason=Reason.REFUSED_IN_A_ROW, said=outcome.said, ours=of_all)
        weighed.append(outcome)
    return weighed


def _is_refusal(outcome: Outcome) -> bool:
    return outcome.reason == Reason.UNCLEAR or (
        outcome.verdict is Verdict.REFUSED and outcome.reason not in _OF_THE_READER
    )
