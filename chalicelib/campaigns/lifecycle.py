"""How a started campaign changes state, when it runs first, how it continues after a pause.

Asking for a state that it already has succeeds: whoever clicks twice, or never got the answer, sees the campaign as it
is.
"""

from collections.abc import Collection
from datetime import datetime, timedelta

from chalicelib.campaigns.generator import Generator
from chalicelib.campaigns.model import Campaign, spec_of
from chalicelib.campaigns.runs import RunDriver
from chalicelib.campaigns.schedule import RECIPIENT, first_moment, occurrences
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import time_name
from chalicelib.errors import ConflictError, Phrase, either
from chalicelib.states import CampaignState as S
from chalicelib.states import state_word
from chalicelib.storage.campaign_head import CampaignHead, HeadChanges
from chalicelib.storage.campaigns import Campaigns

GOING = (S.SCHEDULED, S.RUNNING, S.COMPLETED)  # states that a started campaign reaches by itself


class Lifecycle(Composed):
    """Every method that changes a campaign returns it as it is then, and raises: ConflictError (permanent: its state,
    or with `same_version` its version, is another), UnavailableError (retryable)."""

    campaigns: Campaigns
    driver: RunDriver
    generator: Generator
    clock: Clock
    default_zone: str

    def reach(
        self,
        head: CampaignHead,
        state: S,
        *,
        only_from: Collection[S],
        by: str,
        also: Collection[str] = (),
        changes: HeadChanges | None = None,
        same_version: bool = False,
    ) -> CampaignHead:
        """Moves the campaign to a state, unless it already has it (or one of `also`), even if another was faster."""
        there = {state, *also}
        if head.state in there:
            return head
        try:
            return self.campaigns.enter(
                head, state, only_from=only_from, by=by, changes=changes, same_version=same_version
            )
        except ConflictError:
            head = self.campaigns.get(head.id)
            if head.state not in there:
                raise
            return head

    def schedule(
        self,
        head: CampaignHead,
        *,
        only_from: Collection[S],
        by: str,
        changes: HeadChanges | None = None,
        same_version: bool = False,
    ) -> CampaignHead:
        """Plans the first run, and starts it if it is due."""
        waits: HeadChanges = {"next_run_at": time_name(self.first_run(spec_of(head))), "due": True, **(changes or {})}
        head = self.reach(
            head, S.SCHEDULED, only_from=only_from, by=by, also=GOING, changes=waits, same_version=same_version
        )
        self.generator.launch(head)
        return self.campaigns.get(head.id)

    def go_on(
        self,
        head: CampaignHead,
        *,
        only_from: Collection[S],
        by: str,
        changes: HeadChanges | None = None,
        same_version: bool = False,
    ) -> CampaignHead:
        """Continues a held campaign where it was."""
        waits: HeadChanges = {**({"due": True} if head.next_run_at else {}), **(changes or {})}
        state: S = S.RUNNING if head.open_runs else S.SCHEDULED if head.next_run_at else S.COMPLETED
        head = self.reach(head, state, only_from=only_from, by=by, also=GOING, changes=waits, same_version=same_version)
        self.driver.kick_all(head)
        self.generator.launch(head)
        return self.campaigns.get(head.id)

    def first_run(self, spec: Campaign) -> datetime:
        """When a campaign that is started now begins."""
        now = self.clock()
        if spec.schedule is not None:
            zone = spec.timezone or self.default_zone
            after = max(now, spec.start_at - timedelta(seconds=1)) if spec.start_at else now
            return next(occurrences(spec.schedule, zone, after=after))
        if spec.start_at is None:
            return now
        # Where the day began before it was started, it is the wall time that counts: those whose clock has shown it get
        # the letter at once.
        return first_moment(spec.start_at) if spec.timezone == RECIPIENT else spec.start_at


def expect(head: CampaignHead, states: Collection[str]) -> None:
    """Raises: ConflictError (permanent): the campaign is in none of these states."""
    if head.state not in states:
        raise ConflictError(
            Phrase(
                "the campaign is {state}: expected {states}",
                state=state_word(head.state),
                states=either(map(state_word, states)),
            )
        )
