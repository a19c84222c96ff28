"""Whatever happens in whatever order, the ledger keeps its promises.

Workers claim, call a provider that loses replies, die, come back after their lease; reconcilers look, and act on what
they saw however late; the provider tells what became of each letter late, twice and out of order; people cancel. A
model outside the ledger counts what the provider really took.
"""

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from chalicelib.clock import new_id
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.storage.ledger import Ledger
from tests.ledgers import delivery, heard, stored

S = DeliveryStatus
LEASE = timedelta(minutes=1)
MAX_SENDS = (2, 1, 2)  # 2: a transactional letter, which may be sent once more
# Only this one is closed by hand, and of the first the provider never tells, so that they live long enough to get into
# trouble.
CLOSED, SILENT = len(MAX_SENDS) - 1, 0

# How far each state is on its way; a state may only be followed by one that is not behind it. `queued` and `calling`
# alternate while nothing is known to be sent.
RANK = {
    S.QUEUED: 0,
    S.CALLING: 0,
    S.UNCERTAIN: 1,
    S.SENT: 2,
    S.DELIVERED: 3,
    S.BOUNCED: 4,
    S.COMPLAINED: 4,
    S.FAILED: 4,
}
ENDS = frozenset({S.BOUNCED, S.COMPLAINED, S.FAILED, S.SKIPPED, S.CANCELLED})
VERDICTS = {"accepted": S.SENT, "throttled": S.QUEUED, "refused": S.FAILED}
FEEDBACK = {
    "Send": (S.SENT, None),
    "Delivery": (S.DELIVERED, None),
    "Bounce": (S.BOUNCED, "hard_bounce"),
    "Complaint": (S.COMPLAINED, "complaint"),
}

numbers = st.sampled_from(range(len(MAX_SENDS)))


class LedgerMachine(RuleBasedStateMachine):
    """One ledger, a few deliveries, any number of workers."""

    def __init__(self) -> None:
        super().__init__()
        self.now = datetime(2026, 11, 22, 12, tzinfo=UTC)
        self.ledger = Ledger(clock=lambda: self.now, retention_days=90)
        self.workers = 0
        self.begin()

    def begin(self) -> None:
        """Fresh ids, so that the examples share one table."""
        self.keys = [DeliveryKey(new_id(), "email") for _ in MAX_SENDS]
        self.calling: dict[str, DeliveryKey] = {}  # workers that hold a claim, as they believe
        self.answers: list[tuple[DeliveryKey, str, DeliveryStatus]] = []  # the provider's, not yet recorded
        self.decisions: list[Move] = []  # of reconcilers, not yet written
        self.taken: dict[DeliveryKey, int] = dict.fromkeys(self.keys, 0)  # what the provider took
        self.told: dict[DeliveryKey, list[str]] = {key: [] for key in self.keys}  # events that it may publish
        self.heard: dict[DeliveryKey, int] = dict.fromkeys(self.keys, 0)
        self.seen: dict[DeliveryKey, list[DeliveryStatus]] = {key: [] for key in self.keys}
        self.lengths: dict[DeliveryKey, int] = dict.fromkeys(self.keys, 0)

    @initialize()
    def nothing_yet(self) -> None:
        assert [delivery(key) for key in self.keys] == [None] * len(self.keys)

    @precondition(lambda self: self.is_at_rest())
    @rule()
    def the_next_letters_come(self) -> None:
        self.begin()

    @precondition(lambda self: self.is_any_free())
    @rule(chosen=st.lists(numbers, min_size=1, max_size=len(MAX_SENDS), unique=True))
    def a_worker_claims(self, chosen: list[int]) -> None:
        chunk = [self.keys[n] for n in chosen]
        before = {key: self.status(key) for key in chunk}
        self.workers += 1
        owner = f"worker-{self.workers}"
        moves = [Move(key, S.CALLING, owner=owner, lease_until=self.now + LEASE, attempt=1) for key in chunk]
        refused = self.ledger.move(moves)
        for key in chunk:
            assert (key in refused) == (before[key] not in (None, S.QUEUED))
            if key not in refused:
                self.calling[f"{owner}/{key.id}"] = key

    @precondition(lambda self: self.calling)
    @rule(data=st.data(), reply=st.sampled_from(["accepted", "lost", "throttled", "refused", "died before"]))
    def a_worker_calls_the_provider(self, data: Any, reply: str) -> None:
        name = data.draw(st.sampled_from(list(self.calling)))
        key = self.calling.pop(name)
        if reply in ("accepted", "lost"):
            self.taken[key] += 1
            if key != self.keys[SILENT]:
                self.told[key] += list(FEEDBACK)
        if reply in VERDICTS:
            self.answers.append((key, name.partition("/")[0], VERDICTS[reply]))

    @precondition(lambda self: self.answers)
    @rule(data=st.data())
    def a_worker_records_the_answer_however_late(self, data: Any) -> None:
        answer = data.draw(st.sampled_from(self.answers))
        self.answers.remove(answer)
        key, owner, status = answer
        before = stored(key)
        refused = self.ledger.move([Move(key, status, owner=owner, provider_id="ses")])
        if before.owner != owner:
            assert key in refused, "a worker that lost its claim has written"

    @precondition(lambda self: self.claimed())
    @rule(data=st.data(), at_once=st.booleans(), forgetful=st.booleans())
    def a_lease_ends_and_a_reconciler_decides(self, data: Any, at_once: bool, forgetful: bool) -> None:
        key = data.draw(st.sampled_from(self.claimed()))
        self.now += LEASE
        # Whoever has not called by the end of the lease is dead: the lease is longer than a worker's timeout.
        self.calling = {name: held for name, held in self.calling.items() if held != key}
        found = stored(key)
        # A forgetful one does not look whether it was sent once more already: then the ledger alone stands against it.
        if MAX_SENDS[self.keys.index(key)] > 1 and (not found.resent or forgetful):
            decision = Move(key, S.QUEUED, reason="unconfirmed", owner=found.owner, resend=True)
        else:
            decision = Move(key, S.UNCERTAIN, reason="unconfirmed", owner=found.owner)
        if at_once:
            self.write(decision)
        else:
            self.decisions.append(decision)

    @precondition(lambda self: self.decisions)
    @rule(data=st.data())
    def a_reconciler_writes_what_it_decided_however_late(self, data: Any) -> None:
        decision = data.draw(st.sampled_from(self.decisions))
        self.decisions.remove(decision)
        self.write(decision)

    @precondition(lambda self: any(map(self.is_unheard, self.keys)))
    @rule(data=st.data())
    def the_provider_tells(self, data: Any) -> None:
        key = data.draw(st.sampled_from([key for key in self.keys if self.is_unheard(key)]))
        event = data.draw(st.sampled_from(self.told[key]))  # late, in any order, and again
        self.heard[key] += 1
        heard(self.ledger, key, *FEEDBACK[event])
        assert self.status(key) not in (S.QUEUED, S.CALLING, S.UNCERTAIN), "the provider's word was not heard"

    @precondition(lambda self: not self.is_closed())
    @rule(cancelled=st.booleans())
    def a_person_cancels_or_a_repeated_message_cannot_be_rendered(self, cancelled: bool) -> None:
        move = Move(self.keys[CLOSED], S.CANCELLED if cancelled else S.FAILED, unclaimed=True)
        before = self.status(move.key)
        assert (self.ledger.move([move]) == {}) == (before in (None, S.QUEUED))

    @invariant()
    def a_status_never_moves_back_and_the_timeline_only_grows(self) -> None:
        for key in self.keys:
            found, seen = delivery(key), self.seen[key]
            if found is None:
                assert seen == []
                continue
            status = found.status
            if seen and seen[-1] != status:
                complained = (seen[-1], status) == (S.BOUNCED, S.COMPLAINED)  # the better informed
                assert seen[-1] not in ENDS or complained, f"{seen[-1]} was left for {status}"
                assert RANK.get(status, 9) >= RANK[seen[-1]], f"{seen[-1]} moved back to {status}"
            seen.append(status)
            assert len(found.timeline) >= self.lengths[key]
            assert found.timeline[-1]["status"] == status
            self.lengths[key] = len(found.timeline)

    @invariant()
    def nothing_is_sent_more_often_than_its_category_allows(self) -> None:
        assert all(self.taken[key] <= most for key, most in zip(self.keys, MAX_SENDS, strict=True)), self.taken

    @invariant()
    def one_worker_at_most_may_call(self) -> None:
        for key in self.keys:
            owners = [name for name, held in self.calling.items() if held == key]
            assert len(owners) <= 1, owners

    def write(self, decision: Move) -> None:
        """What a reconciler decided."""
        before = stored(decision.key)
        refused = self.ledger.move([decision])
        if before.owner != decision.owner:
            assert decision.key in refused, "what was decided about another's claim was written"
        if decision.resend and before.resent and before.status == S.CALLING:
            assert decision.key in refused, "what was sent once more is to be sent a third time"

    def is_at_rest(self) -> bool:
        """Whether nothing else can happen."""
        under_way = self.is_any_free() or self.claimed() or self.calling or self.answers or self.decisions
        return self.is_closed() and not under_way and not any(map(self.is_unheard, self.keys))

    def is_any_free(self) -> bool:
        """Whether a claim could succeed; of those that cannot there are enough among them."""
        return any(self.seen[key][-1:] in ([], [S.QUEUED]) for key in self.keys)

    def claimed(self) -> list[DeliveryKey]:
        """The deliveries that somebody has claimed."""
        return [key for key in self.keys if self.seen[key][-1:] == [S.CALLING]]

    def is_unheard(self, key: DeliveryKey) -> bool:
        """Whether the provider may report it: late, doubled and turned round, but not for ever."""
        return bool(self.told[key]) and self.heard[key] < 2 * len(FEEDBACK)

    def is_closed(self) -> bool:
        """Whether nothing can happen any more to the one that people close."""
        return not ENDS.isdisjoint(self.seen[self.keys[CLOSED]])

    def status(self, key: DeliveryKey) -> DeliveryStatus | None:
        found = delivery(key)
        return found.status if found else None


def test_no_order_of_events_breaks_the_promises_of_the_ledger(stage: None) -> None:
    # Hypothesis switches some rules off in each example; where few may follow, it has often switched off all of them.
    tolerated = [HealthCheck.too_slow, HealthCheck.filter_too_much]
    run_state_machine_as_test(
        LedgerMachine, settings=settings(max_examples=8, stateful_step_count=40, suppress_health_check=tolerated)
    )
