"""What at-least-once delivery, pauses, canaries, local hours and releases may do to chunks on their way: they come
again, whole or with other borders, in another order or by another lane, and beside themselves."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import timedelta
from random import Random
from typing import TypeVar

from chalicelib.campaigns.held_chunks import Chunk, read_held
from chalicelib.manifest import CHANNELS, Queue, enrich_queue
from chalicelib.pipeline.jobs import CHUNK_SIZE, DeliverJob, EnrichJob, read_job
from chalicelib.pipeline.retry import RetryJob
from chalicelib.schemas import passed
from chalicelib.stage.app import Stage
from chalicelib.storage.runs import Run
from chalicelib.storage.shards import PARKED_PLACES
from tests.integration.conftest import Pump

_Job = TypeVar("_Job", EnrichJob, DeliverJob)
_Part = TypeVar("_Part", EnrichJob, DeliverJob, Chunk)
LANES = ("instant", "bulk")
ENRICH = tuple(enrich_queue(lane) for lane in LANES)


class Cutter:
    """Cuts what waits afresh."""

    def __init__(self, random: Random, pump: Pump) -> None:
        self._random, self._pump = random, pump

    def cut(self, queue: str) -> None:
        """What waits in a queue comes again: instead of what it was or beside it."""
        waiting = self._pump.take(queue)
        if self._random.random() < 0.3:
            self._put(queue, waiting)
        if queue == Queue.RETRY:
            self._put(queue, self._put_aside(waiting))
        elif queue in ENRICH:
            self._put_jobs(queue, ENRICH, self._jobs(EnrichJob, waiting))
        elif deliver := next((spec.queues for spec in CHANNELS.values() if queue in spec.queues), None):
            self._put_jobs(queue, deliver, self._jobs(DeliverJob, waiting))
        else:  # one thing each: a step of the fan-out, an event
            self._put(queue, waiting + waiting[:2])

    def cut_held(self, run: Run) -> None:
        """The chunks of a run that wait for a release, a canary's end, an hour."""
        held, stage = Stage.own().held_chunks, Stage.own()
        waiting = defaultdict(list)
        for place in range(PARKED_PLACES):
            later = stage.clock() + timedelta(days=2)
            found = held.due(run.run_id, place, now=later, rest_released=True, cancelled=False, limit=40)
            for item in found:
                waiting[item.slot.rpartition("#")[0] + "#"].append(read_held(item))
            held.remove(found)
        for slot, chunks in waiting.items():
            for chunk in self._afresh([one for one in chunks if one is not None]):
                held.put(run.run_id, slot, [chunk])

    def _put(self, queue: str, bodies: Iterable[str]) -> None:
        shuffled = list(bodies)
        self._random.shuffle(shuffled)
        for body in shuffled:
            self._pump.put(queue, body)

    def _put_jobs(self, queue: str, lanes: Sequence[str], bodies: Iterable[str]) -> None:
        for body in bodies:
            self._put(self._random.choice(lanes) if self._random.random() < 0.2 else queue, [body])

    def _put_aside(self, bodies: Iterable[str]) -> list[str]:
        """Jobs that wait: the ones that are alike cut afresh together, until the last of them was to go on."""
        alike = defaultdict(list)
        for body in bodies:
            aside = read_job(RetryJob, body)
            alike[(aside.kind, aside.queue)].append(aside)
        again: list[str] = []
        for (_, queue), some in alike.items():
            until, bodies = max(one.not_before for one in some), [one.body for one in some]
            jobs = self._jobs(EnrichJob, bodies) if queue in ENRICH else self._jobs(DeliverJob, bodies)
            again += [passed(some[0].model_copy(update={"body": body, "not_before": until})) for body in jobs]
        return again

    def _jobs(self, kind: type[_Job], bodies: Iterable[str]) -> list[str]:
        return [passed(job) for job in self._afresh([read_job(kind, body) for body in bodies])]

    def _afresh(self, parts: Sequence[_Part]) -> list[_Part]:
        """The recipients of equal parts with other borders, in another order, some of them in two parts."""
        alike: defaultdict[str, list[_Part]] = defaultdict(list)
        for part in parts:
            alike[part.model_dump_json(exclude={"recipients", "attempt", "looked_at"})].append(part)
        cut: list[_Part] = []
        for some in alike.values():
            people = {one.notification_id: one for part in some for one in part.recipients}
            left = self._random.sample(list(people.values()), len(people))
            while left:
                size = self._random.choice([2, 8, 20, CHUNK_SIZE])
                part = self._random.choice(some)
                first, left = {one.notification_id: one for one in left[:size]}, left[size:]
                cut.append(part.model_copy(update={"recipients": tuple(first.values())}))
                if self._random.random() < 0.3:  # some of them once more, elsewhere
                    left += [one for one in first.values() if self._random.random() < 0.2]
        return cut
