"""A chunk is nothing that anybody may count on: jobs of every kind come again with other borders, workers die at any
request and meet each other in the midst of their work. The guard is with the recipient."""

import json
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Any

import pytest

from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.progress import read_progress
from chalicelib.channels.port import Message
from chalicelib.deliveries import ACCEPTED, DeliveryKey, S
from chalicelib.errors import ConflictError
from chalicelib.manifest import CONSUMERS, Queue
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.profiles.preferences import Preferences
from chalicelib.stage.app import Stage
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.runs import Run
from tests.cases import cases
from tests.integration.campaigns.conftest import ANNA, CONTEXT, Desk, Viewers
from tests.integration.campaigns.cutting import Cutter
from tests.integration.campaigns.mishaps import KilledError, Mishaps, Provider
from tests.integration.campaigns.test_exactness import agrees
from tests.integration.pipeline.test_machines import PHONE
from tests.processes import compose

USERS, GUESTS, ASKED, STEPS = 25, 15, 30, 40
QUEUES = tuple(one for one in CONSUMERS if one not in (Queue.LIVE, Queue.DIGEST, Queue.LOAD))
SETTLED = frozenset(S) - {S.WAITING, S.QUEUED, S.CALLING}
PACES: list[dict[str, Any]] = [{}, {"canary_percent": 20}, {"rate_per_second": 200}]
ROUTES: list[dict[str, Any]] = [{"mode": "first"}, {"mode": "escalate", "after_minutes": 30}]
REQUESTS = {"promo": CONTEXT, "password-reset": {"reset_url": CONTEXT["url"], "valid_minutes": 30}}


class Day:
    """Letters of all kinds are sent, and what can go wrong does: by chance, from one seed."""

    def __init__(self, desk: Desk, viewers: Viewers, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311 (no secret)
        self.desk, self.pump = desk, desk.pump
        self.cutter = Cutter(self.random, self.pump)
        self.mishaps = Mishaps(self.random, self.something)
        self.busy: list[str] = []  # the queues whose workers work, the innermost last
        channels = [Provider(name, self.random, self.something, self.told) for name in ("email", "sms", "live")]
        self.providers = {one.name: one for one in channels}
        seconds = lambda: desk.clock().timestamp()  # noqa: E731
        compose(channels=self.providers, sqs=Stage.own().sqs, sleep=lambda _: None, monotonic=seconds)
        for subsystem in ("ses", "sns", "live", "profiles"):
            for lane in ("instant", "bulk"):
                Stage.own().limiter.set_rate(f"{subsystem}.{lane}", 10_000)
        self.users = viewers(USERS, self.of_user)
        Stage.own().preferences.put(self.users[3], Preferences(everything=False))
        Stage.own().suppressions.add("email", f"{self.users[4]}@example.com", reason="bounce")
        self.guests = [f"guest-{n}@example.com" for n in range(GUESTS)]
        self.listed = self.random.choice([self.users[::2], self.users[1:18]])
        self.campaigns = [*self.one_by_one(), *self.of_everybody()]
        self.template = self.random.choice(list(REQUESTS))
        self.asked = self.request()

    def of_user(self, n: int) -> dict[str, Any]:
        """Some share an address, some have none, or no telephone."""
        email = {5: "family@example.com", 6: "family@example.com", 7: None}
        more: dict[str, Any] = {"email": email[n]} if n in email else {}
        if n % 3:
            more |= {"timezone": "UTC", "attributes": {"best_hour": 11 + n % 2}}
        return {**more, **({"phone": f"+792612345{n:02}"} if n % 5 else {})}

    def one_by_one(self) -> list[str]:
        """To users and guests of a list, by one channel after the other."""
        route = {"channels": ["email", "sms"], **self.random.choice(ROUTES)}
        Stage.own().settings_changes.put("routes", {"marketing": route}, by=ANNA)
        rows = ["user_id,email", *(f"{one}," for one in self.listed), *(f",{one}" for one in self.guests)]
        list_id = self.desk.load_list("\n".join(rows).encode())
        return [self.desk.start(audience={"list_id": list_id}, **self.random.choice(PACES))]

    def of_everybody(self) -> list[str]:
        """To the directory, by all channels."""
        pace = self.random.choice([*PACES, {"best_hour": True}])
        return [self.desk.start(channels=["email", "sms", "live"], category="series", **pace)]

    def request(self) -> list[str]:
        """One call of the API for many, in the slow lane: the notifications."""
        request = NotificationRequest.model_validate(
            {
                "template": self.template,
                "context": REQUESTS[self.template],
                "recipients": [{"email": f"asked-{n}@example.com"} for n in range(ASKED)],
                "lane": "bulk",
            }
        )
        return [one.id for one in Stage.own().accept.accept(request, caller="shop", key=None)]

    def told(self, message: Message) -> None:
        """SES publishes events of most letters; they wait in their queue with all the rest."""
        kinds = self.random.choice([[], [], ["Delivery"], ["Delivery", "Open"], ["Bounce"], ["Delivery", "Complaint"]])
        if message.transactional:
            kinds = ["Send", *kinds]
        more = {"Bounce": {"bounceType": "Transient", "bounceSubType": "MailboxFull"}, "Open": {"userAgent": PHONE}}
        tags = {name: [value] for name, value in message.tags.items()}
        mail = {"messageId": message.delivery_id, "destination": [message.address], "tags": tags}
        for kind in kinds if message.delivery_id.endswith("_email") else ():
            said = {**more.get(kind, {}), "timestamp": "2026-03-02T10:00:09Z"}
            self.pump.put(Queue.FEEDBACK, json.dumps({"eventType": kind, "mail": mail, kind.lower(): said}))

    def something(self) -> None:
        """A worker works, perhaps in the midst of another's; or jobs are cut afresh, time passes, somebody acts."""
        if len(self.busy) < 3:
            acts = [self.work] * 12 + [self.cut] * 4 + [self.come_again, self.wait, self.tick, self.act]
            with self.mishaps.aside():
                self.random.choice(acts)()

    def work(self) -> None:
        queue = self.queue()
        if self.random.random() < 0.3:
            for body in self.pump.bodies(queue)[:3]:
                self.pump.put(queue, body)
        self.alone(queue, lambda: self.pump.step(queue, self.random.choice([1, 3, 10])))

    def tick(self) -> None:
        self.alone("", self.desk.tick)

    def alone(self, queue: str, work: Callable[[], object]) -> None:
        """In a process of its own, which may die."""
        self.desk.forget_states()
        self.busy.append(queue)
        with suppress(KilledError):
            self.mishaps.plan()
            work()
        self.busy.pop()

    def queue(self) -> str:
        """One with something in it; often the one whose worker is at work."""
        full = [one for one in QUEUES if self.pump.waiting(one)] or [Queue.FANOUT]
        return self.random.choice([*full, *(one for one in self.busy if one in full for _ in full)])

    def cut(self) -> None:
        runs, queue = self.runs(), self.queue()
        if runs and self.random.random() < 0.2:
            self.cutter.cut_held(self.random.choice(runs))
        else:
            self.pump.pass_(queue, seconds=self.random.choice([0, 60, 1000]))
            self.cutter.cut(queue)

    def come_again(self) -> None:
        for queue in QUEUES:
            self.pump.pass_(queue, seconds=1000)

    def wait(self) -> None:
        self.desk.clock.pass_(seconds=self.random.choice([1, 10, 70, 400]))

    def act(self) -> None:
        commands = Stage.own().campaign_commands
        act = self.random.choice([commands.pause, commands.resume, commands.resume, commands.release_canary])
        with suppress(ConflictError):
            act(self.random.choice(self.campaigns), by=ANNA)

    def end(self) -> None:
        """All is well again, and whatever waits goes on."""
        for provider in self.providers.values():
            provider.well = True
        commands = Stage.own().campaign_commands
        for _ in range(60):
            for campaign_id in self.campaigns:
                for act in (commands.resume, commands.release_canary):
                    with suppress(ConflictError):
                        act(campaign_id, by=ANNA)
            self.come_again()
            assert self.pump.run(*QUEUES) == []
            self.tick()
            self.desk.clock.pass_(minutes=40)
            if not sum(map(self.pump.waiting, QUEUES)) and all(run.outcome for run in self.runs()):
                return

    def runs(self) -> list[Run]:
        return [run for one in self.campaigns for run in self.desk.runs(one)]

    def check(self) -> None:
        """Nobody got two letters, nobody was forgotten, and the counts are the deliveries'."""
        for run in self.runs():
            found = [self.settled(key) for key in self.keys(run)]
            counts, progress = Counter(one.status.value for one in found), read_progress(run)
            assert agrees(progress, counts), (progress, counts)
            assert progress.delivered == counts["delivered"] + counts["complained"]
            assert (progress.bounced, progress.complained) == (counts["bounced"], counts["complained"])
            for status, reasons in (("skipped", progress.skipped), ("failed", progress.failed_reasons)):
                assert reasons == Counter(one.reason for one in found if one.status == status)
            assert run.outcome == "completed"
        for id_ in self.asked:
            self.settled(DeliveryKey(id_, "email"), repeatable=self.template != "promo")

    def keys(self, run: Run) -> list[DeliveryKey]:
        """Of the deliveries that a run has."""
        by_list = run.campaign_id == self.campaigns[0]
        ids = [notification_of(run.run_id, user_id=one) for one in (self.listed if by_list else self.users)]
        ids += [notification_of(run.run_id, address=one) for one in (self.guests if by_list else ())]
        return [DeliveryKey(one, channel) for one in ids for channel in run.channels]

    def settled(self, key: DeliveryKey, *, repeatable: bool = False) -> Delivery:
        """One delivery: its letter left once, or once more where that is allowed of one whose outcome is not known."""
        found, taken = Stage.own().ledger.read(key), self.providers[key.channel].taken[key.id]
        assert found is not None, key
        assert found.status in SETTLED, found
        more = int((repeatable or key.channel == "live") and found.resent)
        assert taken <= 1 + more, (taken, found)
        if found.status in ACCEPTED:
            assert taken, found
        elif not more:
            assert not taken or found.status is S.UNCERTAIN, found
        return found


@pytest.mark.parametrize("seed", range(cases(2)))
def test_a_chunk_that_is_cut_anew_doubles_nothing_and_loses_nobody(desk: Desk, viewers: Viewers, seed: int) -> None:
    """Merged, split, shuffled, beside what they were or by another lane; with the counts of the runs, exactly."""
    day = Day(desk, viewers, seed)
    with day.mishaps.between():
        for _ in range(STEPS):
            day.something()
    day.end()
    day.check()
