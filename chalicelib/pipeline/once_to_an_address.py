"""An address gets one letter of a campaign's run, whoever has it and however the run names them (ADR 0098).

Whoever takes the row of address and run gets the letter. A user of the directory who was alone with their address since
before the run was drawn up needs no row, as long as nobody else comes:

- Whoever comes ends that first (`SoleUsers.end`), and looks for the first user's letter after that.
- The first user's letter is recorded by `enrich` before `deliver` asks, consistently, whether they are alone.

So either the first user is found no longer alone, and takes the row like everybody else; or their letter was recorded
before the other one looked, who then waits for what becomes of it. The first user waits for nobody.
"""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from chalicelib.clock import Clock, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import UNDER_WAY, UNSENT
from chalicelib.deliveries import DeliveryStatus as S
from chalicelib.pipeline.campaign_port import CampaignPort
from chalicelib.pipeline.caps import Caps
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient
from chalicelib.storage.sole_users import SoleUser, SoleUsers
from chalicelib.storage.users import CONFIRMED_CHANNEL

# Lambda ends a worker after 15 minutes at most: by then it has claimed whoever it found alone.
_WORKER_LASTS = timedelta(minutes=20)
_HAS_NONE = UNSENT | {S.CANCELLED}
_UNCLAIMED = frozenset({None, S.WAITING})


class Taken(NamedTuple):
    """Notification ids: `twice` are letters whose address another letter of the run has, `undecided` those whose
    address it may still get."""

    twice: frozenset[str] = frozenset()
    undecided: frozenset[str] = frozenset()


class OnceToAnAddress(Composed):
    caps: Caps
    sole: SoleUsers
    campaigns: CampaignPort
    clock: Clock

    def taken(self, job: DeliverJob, recipients: Sequence[DeliverRecipient]) -> Taken:
        """Takes the addresses of a run's letters, at most fifty; those in neither set may leave. One read for those who
        are alone, one write for each of the others. Idempotent. Raises: UnavailableError (retryable)."""
        wanted = {one.notification_id: one for one in recipients}
        before = Taken()
        if job.letter.of_directory and job.channel == CONFIRMED_CHANNEL:
            first = self._first(job, wanted)
            alone = {id_ for id_, one in first.items() if one.user_id == wanted[id_].user_id}
            before = self._behind(job, {id_: one for id_, one in first.items() if id_ not in alone})
            aside = alone | before.twice | before.undecided
            wanted = {id_: one for id_, one in wanted.items() if id_ not in aside}
        taken = self.caps.take_of_run(job.letter.run_id or "", job.channel, wanted)
        return before._replace(twice=before.twice | taken)

    def _first(self, job: DeliverJob, wanted: Mapping[str, DeliverRecipient]) -> dict[str, SoleUser]:
        """The users who are alone with the address of a letter in this run, or were until somebody else came, by
        notification id. Ends it where that is the reader; notes readers whom the directory did not: those of the last
        release."""
        run_at = parse_rfc3339(job.letter.accepted_at)
        owners = self.caps.owners(job.channel, {id_: one for id_, one in wanted.items() if one.user_id})
        readers = {id_: (owner, wanted[id_].user_id or "") for id_, owner in owners.items()}
        known = self.sole.of(owners.values())
        self.sole.come([(owner, user_id) for owner, user_id in readers.values() if owner not in known])
        first: dict[str, SoleUser] = {}
        for id_, (owner, user_id) in readers.items():
            one = known.get(owner)
            if one is not None and (one.is_alone(run_at) if one.user_id == user_id else one.was_alone(run_at)):
                first[id_] = one
            if one is not None and one.user_id != user_id and one.until is None:
                self.sole.end(owner, one.user_id)
        return first

    def _behind(self, job: DeliverJob, first: Mapping[str, SoleUser]) -> Taken:
        """Those whose address somebody else was alone with, who has a letter of this run or may be getting it."""
        states = self.campaigns.states_of(job, {one.user_id for one in first.values()}) if first else {}
        twice, undecided = set[str](), set[str]()
        for id_, one in first.items():
            state = states.get(one.user_id, S.SKIPPED)  # without a letter they will find out that they are not alone
            if state in _HAS_NONE or (state in _UNCLAIMED and self._finds_out(one)):
                continue
            (undecided if state in UNDER_WAY else twice).add(id_)
        return Taken(frozenset(twice), frozenset(undecided))

    def _finds_out(self, one: SoleUser) -> bool:
        """Whether a letter that is not claimed yet must come to a worker who sees that its reader is not alone."""
        return one.until is not None and parse_rfc3339(one.until) + _WORKER_LASTS < self.clock()
