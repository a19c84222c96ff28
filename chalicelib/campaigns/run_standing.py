"""Where a run stands, beside its counts: whether its audience is still being gathered, what is held back, and what it
waits for a person to decide."""

from collections import Counter
from typing import NamedTuple

from chalicelib.campaigns.progress import Progress, progress_in
from chalicelib.errors import ConflictError, Phrase
from chalicelib.states import CampaignState, Decision, RunOutcome
from chalicelib.storage.campaign_head import CampaignHead, Spec
from chalicelib.storage.run_progress import RunCounts, RunNote, read_counts
from chalicelib.storage.runs import PlannedRun, Run


class RunStanding(NamedTuple):
    """All numbers are deliveries. `expected`: how many there will be, by the estimate while the audience is gathered;
    None: nobody knows. `first`: how many go before the rest; `held`: how many are held back until somebody decides.
    `tried`: whether all of the first part have gone, or wait for their reader's hour."""

    progress: Progress
    is_open: bool
    gathered: bool
    expected: int | None
    first: int
    held: int
    tried: bool
    waits_for: Decision | None

    @property
    def left(self) -> int:
        """How many are still to leave, as far as anybody knows."""
        return max(0, max(self.expected or 0, self.progress.targeted) - self.progress.settled - self.held)


def standing_of(head: CampaignHead, run: Run, counts: RunCounts) -> RunStanding:
    """Of a run that was read whole."""
    estimate = run.estimate * len(run.channels) if run.estimate else None
    released = run.canary_released_at is not None or run.decision is not None
    choice = _choice(run.spec)
    cancelled = run.outcome == RunOutcome.CANCELLED
    return _standing(
        counts,
        head.state,
        choice,
        is_open=run.opened,
        estimate=estimate,
        released=released,
        cancelled=cancelled,
    )


def noted_standing(head: CampaignHead, run: PlannedRun, counts: RunCounts) -> RunStanding:
    """The same of a campaign's newest run in a list; the counts came with its note."""
    note = counts.note or RunNote("", Counter())
    estimate = note.estimate * run.channels if note.estimate else None
    is_open = run.scheduled_at in head.open_runs
    return _standing(
        counts,
        head.state,
        _choice(head.spec),  # an open run's campaign cannot be edited
        is_open=is_open,
        estimate=estimate,
        released=note.released,
        cancelled=note.cancelled,
    )


def require_tried(head: CampaignHead, run: Run) -> None:
    """Raises: ConflictError (permanent): the run holds back nothing, or its first part is still on its way.
    UnavailableError (retryable)."""
    [counts] = read_counts([PlannedRun.of(run)])
    standing = standing_of(head, run, counts)
    if not standing.gathered:
        raise ConflictError(Phrase("the audience is still being gathered: the rest is released after the first part"))
    if not standing.held:
        raise ConflictError(Phrase("no canary of this campaign is held"))
    if not standing.tried:
        said = Phrase(
            "the first part is still on its way ({gone} of {first}): the rest is released after it",
            gone=standing.progress.settled,
            first=standing.first,
        )
        raise ConflictError(said)


def _choice(spec: Spec) -> Decision | None:
    """What a person decides once the first part has gone; None: the numbers do, when their time has come."""
    experiment = spec.get("experiment")
    if experiment is None:
        return Decision.CANARY
    return Decision.WINNER if experiment.get("winner_by") == "hand" else None


def _standing(
    counts: RunCounts,
    state: CampaignState,
    choice: Decision | None,
    *,
    is_open: bool,
    estimate: int | None,
    released: bool,
    cancelled: bool,
) -> RunStanding:
    progress, first = progress_in(counts), counts.first or 0
    holds = is_open and first > 0 and not released and state != CampaignState.CANCELLED
    held = max(0, progress.targeted - first) if holds else 0
    gathered = counts.gathered and not (cancelled and (estimate is None or estimate > progress.targeted))
    tried = counts.gathered and held > 0 and progress.settled + counts.words["waiting"] >= first
    expected = None if estimate is None else max(estimate, progress.targeted)
    return RunStanding(
        progress,
        is_open,
        gathered,
        expected=progress.targeted if gathered else expected,
        first=first,
        held=held,
        tried=tried,
        waits_for=choice if tried and state == CampaignState.RUNNING else None,
    )
