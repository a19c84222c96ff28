"""The course of a started campaign: how it comes from state to state, when it runs first, how it goes on after a stop.

Asking for a state that it has reached already is success: whoever presses twice, or never got the answer, sees the
campaign as it is.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from chalicelib.campaigns.generator import Generator
from chalicelib.campaigns.jobs import time_name
from chalicelib.campaigns.model import Campaign, State, state_word
from chalicelib.campaigns.runs import Runs
from chalicelib.campaigns.schedule import RECIPIENT, first_moment, occurrences
from chalicelib.campaigns.store import CampaignStore, spec_of
from chalicelib.clock import Clock
from chalicelib.errors import ConflictError, Phrase, either
from chalicelib.storage.rows.campaigns import ONE, CampaignRow

GOING: tuple[State, ...] = ("scheduled", "running", "completed")  # what a started campaign comes to by itself


class Course:
    """The course of the campaigns of one stage."""

    def __init__(
        self, *, campaigns: CampaignStore, runs: Runs, generator: Generator, clock: Clock, default_zone: str
    ) -> None:
        self._campaigns = campaigns
        self._runs = runs
        self._generator = generator
        self._clock = clock
        self._default_zone = default_zone

    def reach(
        self,
        head: CampaignRow,
        state: State,
        *,
        only_from: Iterable[State],
        by: str,
        also: Collection[str] = (),
        extra: Sequence[Action] = (),
        only_if: Condition | None = None,
    ) -> bool:
        """Moves the campaign to a state; false, and nothing done, where it is there (or in one of `also`) already, even
        by another who was faster. Raises: ConflictError (permanent), UnavailableError (retryable)."""
        there = {state, *also}
        if head.state in there:
            return False
        try:
            self._campaigns.enter(head, state, only_from=only_from, by=by, extra=extra, only_if=only_if)
            return True
        except ConflictError:
            head.refresh(consistent_read=True)
            if head.state not in there:
                raise
            return False

    def schedule(
        self,
        head: CampaignRow,
        *,
        only_from: Iterable[State],
        by: str,
        extra: Sequence[Action] = (),
        only_if: Condition | None = None,
    ) -> CampaignRow:
        """The first run is planned, and begun if it is due. Raises: ConflictError (permanent), UnavailableError
        (retryable)."""
        first = self.first_run(spec_of(head))
        waits = [CampaignRow.next_run_at.set(time_name(first)), CampaignRow.due.set(ONE), *extra]
        self.reach(head, "scheduled", only_from=only_from, by=by, also=GOING, extra=waits, only_if=only_if)
        self._generator.launch(head)
        return head

    def go_on(
        self,
        head: CampaignRow,
        *,
        only_from: Iterable[State],
        by: str,
        extra: Sequence[Action] = (),
        only_if: Condition | None = None,
    ) -> None:
        """A campaign that was held goes on where it was. Raises: ConflictError (permanent), UnavailableError
        (retryable)."""
        waits = [CampaignRow.due.set(ONE)] if head.next_run_at else []
        state: State = "running" if head.open_runs else "scheduled" if head.next_run_at else "completed"
        self.reach(head, state, only_from=only_from, by=by, also=GOING, extra=[*waits, *extra], only_if=only_if)
        self.kick(head)
        self._generator.launch(head)

    def first_run(self, spec: Campaign) -> datetime:
        """When a campaign that is started now begins."""
        now = self._clock()
        if spec.schedule is not None:
            zone = spec.timezone or self._default_zone
            after = max(now, spec.start_at - timedelta(seconds=1)) if spec.start_at else now
            return next(occurrences(spec.schedule, zone, after=after))
        if spec.start_at is None:
            return now
        # Where the day began before it was started, it is the wall time that counts: those whose clock has shown it get
        # the letter at once.
        return first_moment(spec.start_at) if spec.timezone == RECIPIENT else spec.start_at

    def kick(self, head: CampaignRow) -> None:
        """Puts its open runs back to work. Raises: UnavailableError (retryable)."""
        for run in self._runs.of(head.id):
            if run.opened is not None:
                self._runs.keep_going(head, run)
                self._runs.wake_parked(run, all_of_it=head.state == "cancelled")


def expect(head: CampaignRow, states: Collection[str]) -> None:
    """Raises: ConflictError (permanent): the campaign is in none of these states."""
    if head.state not in states:
        raise ConflictError(
            Phrase(
                "the campaign is {state}: expected {states}",
                state=state_word(head.state),
                states=either(map(state_word, states)),
            )
        )
