"""What SES's events about a campaign's letters cost, by the way they arrive: write units, read units and CPU time a
letter. The workers of the queue `feedback` are two processes, as in production, and its batches are cut as its event
source mapping does. Every letter must end as if all had come together.

    python -m bench.arrivals [--letters 1000]
"""

import argparse
import json
import math
import random
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from multiprocessing import get_context
from typing import Any

from botocore import handlers

from bench.harness import Report
from bench.requests_made import Requests
from bench.stage import WAY, Batch, Message, Spent, Stage, invoke, received, remove, work_off, worked_by_hand

OPENED_OF_TEN = 3  # letters
LETTERS_PER_SECOND = 500.0  # so fast they leave
WORKERS = 2  # MaximumConcurrency of the mapping
QUEUE = "vestnik-local-feedback"
READER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0 Safari/537.36"
_P95 = 1.6449  # standard deviations above the median
Delay = Callable[[random.Random], float]
Ends = Mapping[str, object]  # of each reader's letter


def spread(median: float, p95: float) -> Delay:
    """Log-normal seconds."""
    return lambda chance: chance.lognormvariate(math.log(median), math.log(p95 / median) / _P95)


TOGETHER, ONE_BY_ONE, EARLY = "within 0.3 s", "one by one", "before the record, twice, shuffled"
DELAYS: Mapping[str, Delay] = {
    TOGETHER: lambda chance: chance.uniform(0, 0.3),
    "within 3 s": spread(1, 3),  # 95 of 100
    "within 20 s": spread(3, 20),
}
ARRIVALS = (*DELAYS, ONE_BY_ONE, EARLY)
MOST_UNITS = {"within 3 s": 2.5, "within 20 s": 3.0}  # written for a letter and its Delivery, all stages
DELIVERY, OPEN, BOTH = "Delivery", "Open", "Delivery, Open"


class BeforeTheRecord:
    """Calls `then` with the number of letters that SES has just taken, before its answer reaches the sender. Make it
    before any client."""

    def __init__(self) -> None:
        self.then: Callable[[int], object] | None = None
        handlers.BUILTIN_HANDLERS.append(("after-call.sesv2.SendBulkEmail", self._taken))

    def _taken(self, parsed: Mapping[str, Any], **_: Any) -> None:
        if self.then:
            self.then(len(parsed["BulkEmailEntryResults"]))


@dataclass(frozen=True)
class Found:
    """Of one campaign: what its stages wrote for a letter beside the events, what each kind of events took in all, and
    how each reader's letter ended."""

    written: float
    events: Mapping[str, Spent]
    ends: Sequence[object]


class Arrivals:
    """One stage, with the workers of its events beside it."""

    def __init__(self, stage: Stage, workers: Executor, before_the_record: BeforeTheRecord, letters: int) -> None:
        self._stage = stage
        self._workers = workers
        self._before_the_record = before_the_record
        self._letters = letters
        self._url = stage.url(QUEUE)
        self._batch: Batch = stage.batches["feedback"]

    def measure(self, name: str) -> Found:
        """A campaign whose events arrive in this way. Raises: TimeoutError."""
        chance, told, events = random.Random(name), list[Message](), dict[str, Spent]()
        if name == EARLY:
            self._before_the_record.then = lambda taken: self._record_early(taken, told, events, chance)
        sources = self._stage.sources({queue: worker for queue, worker in WAY.items() if queue != "feedback"})
        campaign_id = self._stage.made.start()
        work_off(sources.values(), lambda: self._all_told(told))
        self._before_the_record.then = None
        if name != EARLY:
            events[DELIVERY] = self._record(self._batches(told, name, chance))
            events[OPEN] = self._record(self._batches(opened(told), name, chance))
        seen = self._stage.made.progress(campaign_id)
        if seen["delivered"] != self._letters:
            raise RuntimeError(f"{name}: {seen['delivered']} of {self._letters} are delivered")
        written = sum(one.spent.units.write for one in sources.values())
        return Found(written / self._letters, events, [_end(n) for n in range(self._letters)])

    def _all_told(self, told: list[Message]) -> bool:
        told += self._take(self._letters - len(told))
        return len(told) == self._letters

    def _take(self, most: int) -> list[Message]:
        messages = received(self._stage.sqs, self._url, most)
        remove(self._stage.sqs, self._url, messages)
        return messages

    def _record_early(self, taken: int, told: list[Message], events: dict[str, Spent], chance: random.Random) -> None:
        news: list[Message] = []
        while len(news) < taken:  # the mailbox publishes a moment after its answer
            news += self._take(taken - len(news))
        told += news
        twice = [*news, *opened(news)] * 2
        chance.shuffle(twice)
        events[BOTH] = events.get(BOTH, Spent()) + self._record(_sliced(twice, self._batch.size))

    def _record(self, batches: Sequence[Sequence[Message]]) -> Spent:
        return sum(self._workers.map(record, batches), Spent())

    def _batches(self, messages: Sequence[Message], name: str, chance: random.Random) -> list[list[Message]]:
        if name == ONE_BY_ONE:
            return _sliced(messages, 1)
        seconds = self._letters / LETTERS_PER_SECOND
        arrivals = [(seconds * n / len(messages) + DELAYS[name](chance), n) for n in range(len(messages))]
        batches: list[list[Message]] = []
        until = 0.0
        for at, n in sorted(arrivals):
            if not batches or at > until or len(batches[-1]) == self._batch.size:
                batches.append([])
                until = at + self._batch.window_seconds
            batches[-1].append(messages[n])
        return batches


def _end(reader: int) -> object:
    """How the newest letter of a reader has ended, by their history."""
    from chalicelib.stage.app import Stage as App

    (newest,), _ = App.own().history.of_user(f"reader-{reader}", limit=1)
    return [
        (one["channel"], one["status"], one["reason"], {step.get("event") for step in one["timeline"]})
        for one in newest["deliveries"]
    ]


def opened(told: Sequence[Message]) -> list[Message]:
    """SES's word that a part of these letters was opened, always the same readers', by their Delivery."""
    made: list[Message] = []
    for message in told:
        body = json.loads(message["Body"])
        reader = int(body["mail"]["destination"][0].partition("@")[0].removeprefix("reader-"))
        if reader % 10 < OPENED_OF_TEN:
            seen = {"timestamp": body.pop("delivery")["timestamp"], "userAgent": READER, "ipAddress": "192.0.2.1"}
            text = json.dumps({**body, "eventType": "Open", "open": seen})
            made.append({**message, "MessageId": f"{message['MessageId']}-open", "Body": text})
    return made


def _sliced(messages: Sequence[Message], size: int) -> list[list[Message]]:
    return [list(messages[start : start + size]) for start in range(0, len(messages), size)]


@cache
def _counted() -> Requests:
    return Requests()


def record(messages: Sequence[Message]) -> Spent:
    """The work of one invocation, in a worker's process."""
    counted = _counted()  # before any client
    spent, done = invoke(import_module("functions.feedback").handler, messages, queue=QUEUE, counted=counted)
    if len(done) != len(messages):
        raise RuntimeError(f"{len(messages) - len(done)} of {len(messages)} events were not recorded")
    return spent


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--letters", type=int, default=1000)
    letters: int = parser.parse_args().letters
    early = BeforeTheRecord()
    with worked_by_hand(letters) as stage, ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as workers:
        arrivals = Arrivals(stage, workers, early, letters)
        arrivals.measure(ONE_BY_ONE)  # warms up
        found = {name: arrivals.measure(name) for name in ARRIVALS}
    return _report(found, letters).publish()


def _report(found: Mapping[str, Found], letters: int) -> Report:
    columns = ("arrival", "events", "batches", "write units a letter", "of it refused", "read units a letter",
               "CPU ms a letter", "with all stages")  # fmt: skip
    report = Report("arrivals", f"The events of {letters:,} letters of a campaign, by their arrival", columns)
    for name, one in found.items():
        written = one.written
        for kind, spent in one.events.items():
            written += spent.units.write / letters
            report.add(
                arrival=name,
                events=f"{spent.messages:,} {kind}",
                batches=spent.invocations,
                write_units_a_letter=spent.units.write / letters,
                of_it_refused=spent.units.refused / letters,
                read_units_a_letter=spent.units.read / letters,
                CPU_ms_a_letter=spent.cpu_seconds * 1000 / letters,
                with_all_stages=written,
            )
    for name, most in MOST_UNITS.items():
        all_stages = found[name].written + found[name].events[DELIVERY].units.write / letters
        report.expect(f"written with all stages ≤ {most} units, Delivery {name}: {all_stages:.2f}",
                      met=all_stages <= most)  # fmt: skip
    same = sum(one.ends == found[TOGETHER].ends for one in found.values())
    report.expect(f"every letter ends alike: {same} of {len(found)} arrivals", met=same == len(found))
    return report


if __name__ == "__main__":
    raise SystemExit(main())
