"""Events of a provider come late, twice, in any order and at any moment from the claim of their letter on: whichever
way they come, a letter and the counts of its run end as if all had come in order at once."""

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.progress import Progress
from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.clock import new_id
from chalicelib.deliveries import DeliveryKey
from chalicelib.security.signing import LetterClaims
from chalicelib.stage.app import Stage
from chalicelib.states import BY_MACHINE
from chalicelib.storage.dynamodb import dynamodb
from functions import feedback
from tests.cases import tried
from tests.integration.campaigns.conftest import Desk, clock, desk, no_event_sources, office
from tests.integration.pipeline.test_machines import APPLE, PHONE
from tests.integration.pipeline.test_provider_words import EVENTS as EVENTS_OF_SES
from tests.processes import compose

__all__ = ["clock", "desk", "no_event_sources", "office"]  # fixtures
Event = tuple[str, dict[str, Any]]
LETTERS = 3
DELIVERY: Event = ("Delivery", {"delivery": {"recipients": []}})
UNSUBSCRIBED: Event = ("unsubscribe", {})  # no event of SES: the reader follows the link
EVENTS: list[Event] = [
    DELIVERY,  # each case has its own moments
    *(one for one in EVENTS_OF_SES if one[0] != DELIVERY[0]),
    *((kind, {kind.lower(): {"userAgent": agent}}) for kind in ("Open", "Click") for agent in (PHONE, APPLE)),
    UNSUBSCRIBED,
]
# What happens to most letters, so that most sets have some of it.
USUAL = [DELIVERY, *(one for one in EVENTS if one[0] in ("Send", "Open", "Click", "Complaint", "unsubscribe"))]


class Told(NamedTuple):
    """An event of the n-th letter, at a second."""

    letter: int
    second: int
    event: Event

    @property
    def moment(self) -> str:
        """RFC 3339."""
        return f"2026-03-02T10:00:{self.second:02}.000000Z"

    def written(self, key: DeliveryKey, address: str) -> str:
        """As SES publishes it."""
        kind, parts = self.event
        dated = {name: {**part, "timestamp": self.moment} for name, part in parts.items()}
        mail = {"messageId": key.id, "destination": [address], "tags": {"delivery": [key.id]}}
        return json.dumps({"eventType": kind, "mail": mail, **dated})


class Arrival(NamedTuple):
    """When which events come: while the letters are with the provider, before the n-th request of the record of its
    answer, and afterwards in batches; the next batch may be taken before the n-th request of another (0: it is not)."""

    at_the_call: Sequence[Told] = ()
    at_the_record: Sequence[Told] = ()
    request: int = 1
    batches: Sequence[tuple[Sequence[Told], int]] = ()


class Case(NamedTuple):
    """What is told, by time; the letters of whose acceptance the provider's answer is lost; how it comes."""

    told: Sequence[Told]
    lost: frozenset[int]
    arrival: Arrival


@st.composite
def drawn(draw: st.DrawFn) -> Case:
    told: list[Told] = []
    seconds = iter(draw(st.permutations(range(1, 8 * LETTERS))))
    for letter in range(LETTERS):
        for event in draw(st.lists(st.sampled_from(USUAL) | st.sampled_from(EVENTS), max_size=6)):
            if event not in (DELIVERY, UNSUBSCRIBED) or not any(one[::2] == (letter, event) for one in told):
                told.append(Told(letter, next(seconds), event))
    arriving = draw(st.permutations([*told, *(draw(st.lists(st.sampled_from(told), max_size=4)) if told else ())]))
    cuts = sorted(draw(st.lists(st.integers(0, len(arriving)), min_size=2, max_size=8)))
    parts = [arriving[a:b] for a, b in zip([0, *cuts], [*cuts, len(arriving)], strict=True)]
    batches = [(part, draw(st.integers(0, 4))) for part in parts[2:]]
    arrival = Arrival(parts[0], parts[1], draw(st.integers(1, 3)), batches)
    return Case(sorted(told, key=lambda one: one.second), draw(st.frozensets(st.integers(0, LETTERS - 1))), arrival)


class Interruption:
    """Somebody else acts before the n-th request to DynamoDB from now on."""

    def __init__(self) -> None:
        self._left = 0
        self._act: Callable[[], object] = str

    def plan(self, n: int, act: Callable[[], object]) -> None:
        """0: never."""
        self._left, self._act = n, act

    def __call__(self, **_: Any) -> None:
        self._left -= 1
        if self._left == 0:
            self._act()


class Provider:
    """Takes every letter, and answers when `meanwhile` is over; its answers about some addresses are lost."""

    name, batch_size = "email", 50

    def __init__(self, meanwhile: Callable[[], None], lost: frozenset[str]) -> None:
        self._meanwhile, self._lost = meanwhile, lost

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel`."""
        self._meanwhile()
        lost = Outcome(Verdict.UNKNOWN, reason="reply_lost")
        return [lost if m.address in self._lost else Outcome(Verdict.ACCEPTED, m.delivery_id) for m in messages]


class Mailing:
    """A campaign to a few guests, and what becomes of its letters."""

    def __init__(self, cinema: Desk, lost: frozenset[int], arrival: Arrival, interruption: Interruption) -> None:
        self._desk, self._arrival, self._interruption = cinema, arrival, interruption
        self._at_the_record = list(arrival.at_the_record)
        name = new_id()
        self._addresses = [f"{name}-{n}@viewers.example" for n in range(LETTERS)]
        compose(channels={"email": Provider(self._at_the_call, frozenset(self._addresses[n] for n in lost))})
        list_id = cinema.load_list("\n".join(["email", *self._addresses]).encode())
        self._campaign = cinema.start(audience={"list_id": list_id})
        assert cinema.pump.run() == []
        self._before_the_record()  # at the latest
        self._in_batches(arrival.batches)
        cinema.clock.pass_(minutes=10)  # of what is not known is decided
        cinema.pump.pass_("retry", seconds=600)
        assert cinema.pump.run("retry") == []
        assert cinema.pump.run() == []

    def end(self, delivered: Mapping[int, str]) -> tuple[Progress, list[Any]]:
        """The counts of the run, and what the API shows of each letter; `delivered`: when, of those that were."""
        return self._desk.progress(self._campaign), [self._seen(n, delivered.get(n)) for n in range(LETTERS)]

    def _seen(self, n: int, delivered: str | None) -> dict[str, Any]:
        found = Stage.own().history.notification(self._key(n).notification_id)
        [one] = found["deliveries"]
        states = [(entry["status"], entry.get("reason")) for entry in one["timeline"] if "status" in entry]
        # Which of the provider's words went before the last one, says the order; what a person seems to have done
        # before the delivery stays in the timeline, with the machine's beside it.
        judged = {
            entry["event"]
            for entry in one["timeline"]
            if "event" in entry and not (entry["event"] in BY_MACHINE and delivered and entry["at"] < delivered)
        }
        known = one["provider_id"] and one["provider_id"] == self._key(n).id
        suppressed = Stage.own().suppressions.reason_of("email", self._addresses[n])
        return {
            **{name: one[name] for name in ("status", "reason", "attempt")},
            "of all": found["status"],
            "last": states[-1],
            "events": judged,
            "provider_id": known,
            "suppressed": suppressed,
        }

    def _key(self, n: int) -> DeliveryKey:
        [run] = self._desk.runs(self._campaign)
        return DeliveryKey(notification_of(run.run_id, address=self._addresses[n]), "email")

    def _at_the_call(self) -> None:
        self._tell(self._arrival.at_the_call)
        self._interruption.plan(self._arrival.request, self._before_the_record)

    def _before_the_record(self) -> None:
        told, self._at_the_record = self._at_the_record, []
        self._tell(told)

    def _in_batches(self, batches: Sequence[tuple[Sequence[Told], int]]) -> None:
        """Whoever is interrupted by nobody is followed by the next."""
        if batches:
            [(told, request), *others] = batches
            begun: list[bool] = []

            def next_one() -> None:
                if not begun:
                    begun.append(True)
                    self._in_batches(others)

            self._interruption.plan(request, next_one)
            self._tell(told)
            next_one()

    def _tell(self, told: Sequence[Told]) -> None:
        """One worker takes the events as one batch; readers follow their links one by one."""
        bodies = []
        for one in told:
            key, address = self._key(one.letter), self._addresses[one.letter]
            if one.event == UNSUBSCRIBED:
                claims = LetterClaims(None, address, "email", "marketing", key.notification_id)
                Stage.own().unsubscribe.unsubscribe(claims)
            else:
                bodies.append(one.written(key, address))
        if bodies:
            records = [{"messageId": str(n), "body": body} for n, body in enumerate(bodies)]
            assert feedback.handler({"Records": records}, None) == {"batchItemFailures": []}


@tried(10)
@given(case=drawn())
def test_events_end_alike_whichever_way_they_come(desk: Desk, case: Case) -> None:
    """Promises D3, D4: together or scattered, in any order, again, before the record of their letter or in the midst of
    another worker's batch: state, reason, counts and what people and machines did."""
    delivered = {one.letter: one.moment for one in case.told if one.event == DELIVERY}
    interruption = Interruption()
    events = dynamodb().client.meta.events
    events.register_first("before-send.dynamodb.*", interruption)
    in_order = Mailing(desk, case.lost, Arrival(batches=[(case.told, 0)]), interruption)
    as_it_came = Mailing(desk, case.lost, case.arrival, interruption)
    events.unregister("before-send.dynamodb.*", interruption)
    assert as_it_came.end(delivered) == in_order.end(delivered)
