"""A user who is alone with an address costs no row of the run; an address gets one letter all the same, in whatever
order two users of it come and go."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain, count, repeat
from threading import Condition, local
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chalicelib.campaigns.held_chunks import Chunk, user_recipient
from chalicelib.deliveries import DeliveryKey, DeliveryStatus
from chalicelib.flow.queues import Outgoing
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob, LetterSpec, read_job
from chalicelib.pipeline.retry import RetryJob
from chalicelib.profiles.model import UserBody, UserPatch
from chalicelib.schemas import passed, recalled
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.rows.people import CapRow
from chalicelib.storage.runs import Run
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.ledgers import state
from tests.processes import compose

UNSENT = {DeliveryStatus.SKIPPED, DeliveryStatus.FAILED, DeliveryStatus.CANCELLED}
# Which of the two begins, after how many requests the other goes on, and after how many of those the first again.
PLANS = st.tuples(st.booleans(), st.integers(0, 30), st.integers(0, 40))
some = settings(
    max_examples=60,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def rows_of_runs() -> int:
    return sum(row.category.startswith("run#") for row in CapRow.scan())


def owner_of(address: str) -> str:
    return Stage.own().address_hashes.owner("email", address)


def forget(address: str) -> None:
    """As if the last release had registered whoever is there."""
    FrequencyCaps(clock=Stage.own().clock).erase(owner_of(address))


def test_users_who_are_alone_cost_no_row_of_a_run(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    viewers(6, lambda n: {"email": "family@example.com"} if n < 2 else {})
    clock.pass_(seconds=2)
    campaign_id = desk.start()
    desk.finish()
    assert sorted(office.addresses) == ["family@example.com", *(f"u-{n:05}@example.com" for n in range(2, 6))]
    progress = desk.progress(campaign_id)
    assert (progress.targeted, progress.sent, progress.skipped) == (6, 5, {"duplicate": 1})
    assert rows_of_runs() == 1


def test_users_of_the_last_release_cost_a_row_once(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    ids = viewers(3)
    for one in ids:
        forget(f"{one}@example.com")
    rows = []
    for _ in range(2):
        clock.pass_(seconds=2)
        desk.start()
        desk.finish()
        rows.append(rows_of_runs())
    assert (len(office.addresses), rows) == (6, [3, 3])


def test_a_list_and_a_resend_take_a_row_for_everybody(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    """Promise C6: both name people otherwise than by their ids in the directory."""
    viewers(1)
    clock.pass_(seconds=2)
    desk.start(audience={"list_id": desk.load_list(b"user_id,email\nu-00000,\n,u-00000@example.com\n")})
    desk.finish()
    assert (office.addresses, rows_of_runs()) == (["u-00000@example.com"], 1)


def test_who_left_an_address_is_not_alone_there_any_more(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    [one] = viewers(1)
    Stage.own().directory.patch(one, UserPatch(email="new@example.com"))
    Stage.own().directory.put("u-next", UserBody(email=f"{one}@example.com"))
    clock.pass_(minutes=2)
    desk.start()
    desk.finish()
    assert sorted(office.addresses) == ["new@example.com", f"{one}@example.com"]
    assert rows_of_runs() == 1  # of the address that somebody has left


def test_an_erasure_forgets_who_was_alone_also_where_they_have_left(viewers: Viewers) -> None:
    [one] = viewers(1)
    Stage.own().directory.patch(one, UserPatch(email="new@example.com"))
    assert sorted(row.sole_user for row in CapRow.scan()) == [one, one]
    Stage.own().personal_data.erase(one)
    assert list(CapRow.scan()) == []


class Outbox:
    """Queues that keep what they are given."""

    def __init__(self) -> None:
        self.bodies: list[tuple[str, str]] = []

    def put(self, queue: str, messages: Sequence[Outgoing]) -> None:
        self.bodies += [(str(queue), one.body) for one in messages]


class Turns:
    """Two workers of whom one at a time makes a request to DynamoDB, by a plan."""

    def __init__(self, plan: Iterator[bool]) -> None:
        self._plan, self._turn, self._left = plan, False, {False, True}
        self._changed, self._mine = Condition(), local()

    def run(self, first: Callable[[], None], second: Callable[[], None]) -> None:
        events = dynamodb().client.meta.events
        events.register("before-call.dynamodb", self._pause)
        try:
            with ThreadPoolExecutor(2) as workers:
                done = [workers.submit(self._work, which, work) for which, work in ((False, first), (True, second))]
            for one in done:
                one.result()
        finally:
            events.unregister("before-call.dynamodb", self._pause)

    def _work(self, which: bool, work: Callable[[], None]) -> None:
        self._mine.which = which
        try:
            self._pause()
            work()
        finally:
            with self._changed:
                self._left.discard(which)
                self._next()

    def _pause(self, **_: Any) -> None:
        with self._changed:
            if self._turn == self._mine.which:
                self._next()
            self._changed.wait_for(lambda: self._turn == self._mine.which)

    def _next(self) -> None:
        wanted = next(self._plan)
        self._turn = wanted if wanted in self._left else not wanted
        self._changed.notify_all()


class Way:
    """A user's way through `enrich` and `deliver`, in a chunk of their own."""

    def __init__(self, run: Run, user_id: str, outbox: Outbox) -> None:
        self._outbox = outbox
        recipient = user_recipient(run.run_id, user_id)
        self.key = DeliveryKey(recipient.notification_id, "email")
        job = Chunk(channels=("email",), recipients=(recipient,)).job(recalled(LetterSpec, run.letter))
        self._next: list[tuple[str, str]] = [("enrich-bulk", passed(job))]

    def step(self) -> bool:
        """One message; whether there was any."""
        self._next += [one for one in self._outbox.bodies if self.key.notification_id in one[1]]
        self._outbox.bodies = [one for one in self._outbox.bodies if self.key.notification_id not in one[1]]
        if not self._next:
            return False
        queue, body = self._next.pop()
        if queue == "retry":
            aside = read_job(RetryJob, body)
            queue, body = aside.queue, aside.body
        if queue == "enrich-bulk":
            Stage.own().enrich.enrich(read_job(EnrichJob, body))
        else:
            Stage.own().deliver.deliver(read_job(DeliverJob, body))
        return True

    @property
    def status(self) -> DeliveryStatus | None:
        found = state(self.key)
        return found[0] if found else None


def test_a_letter_under_way_is_waited_for_until_its_worker_must_see_that_its_reader_is_not_alone(
    desk: Desk, viewers: Viewers, office: PostOffice, clock: StandingClock
) -> None:
    """Promise C6: somebody else's letter is no reason to get none before it has been sent."""
    [first] = viewers(1)
    clock.pass_(seconds=2)
    outbox = Outbox()
    compose(queues=outbox)
    run = desk.runs(desk.start())[0]
    before, after = Way(run, first, outbox), Way(run, "u-next", outbox)
    before.step()
    Stage.own().directory.put("u-next", UserBody(email=f"{first}@example.com"))
    seen = []
    for seconds in (0, 0, 61, 20 * 60):
        clock.pass_(seconds=seconds)
        after.step()
        seen.append(after.status)
    before.step()
    assert seen == [None, None, None, "sent"]
    assert (state(before.key), len(office.letters)) == (("skipped", "duplicate"), 1)


_numbers = count()


@pytest.mark.parametrize("second", ["registers", "was there", "takes the address over"])
@given(plan=PLANS, gone=st.booleans(), unknown=st.booleans())
@some
def test_two_users_of_an_address_get_one_letter_in_whatever_order(
    desk: Desk,
    office: PostOffice,
    clock: StandingClock,
    second: str,
    plan: tuple[bool, int, int],
    gone: bool,
    unknown: bool,
) -> None:
    """Promise C6: the second may register at any moment of the first one's way."""
    n = next(_numbers)
    first, other, address = f"a-{n}", f"b-{n}", f"x-{n}@example.com"
    outbox = Outbox()
    compose(queues=outbox)
    directory = Stage.own().directory
    if second == "was there":
        directory.put(other, UserBody(email=address))
        forget(address)
    directory.put(first, UserBody(email=address))
    if unknown:
        forget(address)
    clock.pass_(seconds=2)
    run = desk.runs(desk.start())[0]
    if gone:
        directory.delete(first)
    ways = [Way(run, first, outbox), Way(run, other, outbox)]

    def come() -> None:
        if second == "takes the address over" and not gone:
            directory.patch(first, UserPatch(email=f"new-{n}@example.com"))
        if second != "was there":
            directory.put(other, UserBody(email=address))
        ways[1].step()
        ways[1].step()

    def go() -> None:
        ways[0].step()
        ways[0].step()

    begins, before, between = plan
    Turns(chain([begins] * before, [not begins] * between, repeat(begins))).run(go, come)
    for _ in range(5):
        clock.pass_(seconds=61)
        moved = [one.step() for one in ways]
    assert moved == [False, False]
    assert {one.status in UNSENT or one.status == "sent" for one in ways} == {True}
    letters = office.addresses.count(address)
    if second == "takes the address over":
        assert letters <= 1  # the one who left may have got theirs where they are now
    else:
        assert letters == 1
