"""The consumers of the queues (event source mappings) at run time: on or off, how many at once, how many messages a batch.

A consumer runs unless a person has paused it or the switch of its subsystem is open: then messages wait in the queue with
no receive used up. Whoever changes a switch or a wish calls `follow`; `tick` does so every minute, so that a crash
between the two heals.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.clock import Clock
from chalicelib.control.switches import Switches
from chalicelib.errors import InvalidError, NotFoundError, UnavailableError
from chalicelib.observability import Line
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.control import ConsumerRow

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef as Mapping_

MIN_CONCURRENCY, MAX_CONCURRENCY = 2, 1000  # Lambda: MaximumConcurrency of an SQS mapping
MAX_BATCH = 10  # SQS without a batching window


@dataclass(frozen=True)
class ConsumerSpec:
    """A queue, the worker that reads it, and the subsystem without which there is no use in reading."""

    queue: str
    worker: str
    subsystem: str | None


CONSUMERS: Mapping[str, ConsumerSpec] = {
    spec.queue: spec
    for spec in (
        ConsumerSpec("enrich-instant", "enrich", "profiles"),
        ConsumerSpec("enrich-bulk", "enrich", "profiles"),
        ConsumerSpec("deliver-email", "deliver", "ses"),
        ConsumerSpec("deliver-email-bulk", "deliver", "ses"),
        ConsumerSpec("deliver-live", "deliver", "live"),
        ConsumerSpec("deliver-live-bulk", "deliver", "live"),
        ConsumerSpec("live", "live", None),
        ConsumerSpec("retry", "retry", None),
        ConsumerSpec("feedback", "feedback", None),
    )
}


@dataclass(frozen=True)
class Consumer:
    """A consumer as it is (`enabled`, `max_concurrency`, `batch_size`) and as people want it (`paused`)."""

    queue: str
    worker: str
    subsystem: str | None
    paused: bool
    enabled: bool
    max_concurrency: int | None
    batch_size: int | None


class Consumers:
    """The consumers of one stage."""

    def __init__(self, client: "LambdaClient", switches: Switches, *, clock: Clock, prefix: str) -> None:
        self._client = client
        self._switches = switches
        self._clock = clock
        self._prefix = prefix

    def read_all(self) -> list[Consumer]:
        """Every consumer. Raises: UnavailableError (retryable)."""
        mappings = self._mappings(sorted({spec.worker for spec in CONSUMERS.values()}))
        return [
            _consumer(spec, mappings[spec.queue], _wish(spec.queue))
            for spec in CONSUMERS.values()
            if spec.queue in mappings
        ]

    def change(
        self,
        queue: str,
        *,
        by: str,
        paused: bool | None = None,
        max_concurrency: int | None = None,
        batch_size: int | None = None,
    ) -> None:
        """What a person wants of a consumer; None leaves a thing as it is. Works at once. Raises: NotFoundError,
        InvalidError (permanent), UnavailableError (retryable)."""
        if queue not in CONSUMERS:
            raise NotFoundError(f"there is no consumer {queue}; there are {', '.join(CONSUMERS)}")
        if max_concurrency is not None and not MIN_CONCURRENCY <= max_concurrency <= MAX_CONCURRENCY:
            raise InvalidError.of("max_concurrency", f"expected {MIN_CONCURRENCY} to {MAX_CONCURRENCY}")
        if batch_size is not None and not 1 <= batch_size <= MAX_BATCH:
            raise InvalidError.of("batch_size", f"expected 1 to {MAX_BATCH}")
        actions: list[Any] = [ConsumerRow.by.set(by), ConsumerRow.changed_at.set(self._clock().timestamp())]
        if paused is not None:
            actions.append(ConsumerRow.paused.set(paused))
        if max_concurrency is not None:
            actions.append(ConsumerRow.max_concurrency.set(max_concurrency))
        if batch_size is not None:
            actions.append(ConsumerRow.batch_size.set(batch_size))
        with reaching_dynamodb():
            ConsumerRow(queue).update(actions=actions)
        self.follow([CONSUMERS[queue].worker])

    def follow(self, workers: Sequence[str] | None = None) -> list[str]:
        """Makes the mappings what switches and people want; the queues that were changed. Raises: UnavailableError
        (retryable)."""
        workers = workers or sorted({spec.worker for spec in CONSUMERS.values()})
        mappings = self._mappings(workers)
        return [
            spec.queue
            for spec in CONSUMERS.values()
            if spec.worker in workers and spec.queue in mappings and self._follow_one(spec, mappings[spec.queue])
        ]

    def follow_all(self) -> Line:
        """What `tick` does: every consumer, probes included. Raises: UnavailableError (the next tick goes on)."""
        return Line(counts={"consumers_switched": len(self.follow())})

    def follow_subsystem(self, subsystem: str) -> None:
        """The same for the consumers that depend on a subsystem. Raises: UnavailableError (retryable)."""
        workers = sorted({spec.worker for spec in CONSUMERS.values() if spec.subsystem == subsystem})
        if workers:
            self.follow(workers)

    def _follow_one(self, spec: ConsumerSpec, mapping: "Mapping_") -> bool:
        wish = _wish(spec.queue)
        wanted: dict[str, Any] = {}
        enabled = not wish.paused and self._subsystem_is_there(spec)
        if enabled != _is_enabled(mapping):
            wanted["Enabled"] = enabled
        if wish.max_concurrency and int(wish.max_concurrency) != _max_concurrency(mapping):
            wanted["ScalingConfig"] = {"MaximumConcurrency": int(wish.max_concurrency)}
        if wish.batch_size and int(wish.batch_size) != mapping.get("BatchSize"):
            wanted["BatchSize"] = int(wish.batch_size)
        if wanted:
            with _reaching_lambda():
                self._client.update_event_source_mapping(UUID=mapping["UUID"], **wanted)
        return bool(wanted)

    def _subsystem_is_there(self, spec: ConsumerSpec) -> bool:
        if spec.subsystem is None:
            return True
        # With a probe due the messages must flow, or nobody would make the call.
        return self._switches.read(spec.subsystem).state != "open" or self._switches.probe_is_due(spec.subsystem)

    def _mappings(self, workers: Sequence[str]) -> dict[str, "Mapping_"]:
        """The mappings by queue."""
        found: dict[str, Mapping_] = {}
        for worker in workers:
            with _reaching_lambda():
                answer = self._client.list_event_source_mappings(FunctionName=f"{self._prefix}{worker}")
            for mapping in answer["EventSourceMappings"]:
                queue = mapping.get("EventSourceArn", "").rpartition(":")[2].removeprefix(self._prefix)
                if queue in CONSUMERS:
                    found[queue] = mapping
        return found


@contextmanager
def _reaching_lambda() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise UnavailableError(f"Lambda did not answer ({type(error).__name__})") from error


def _wish(queue: str) -> ConsumerRow:
    with reaching_dynamodb():
        try:
            return ConsumerRow.get(queue, consistent_read=True)
        except ConsumerRow.DoesNotExist:
            return ConsumerRow(queue)


def _consumer(spec: ConsumerSpec, mapping: "Mapping_", wish: ConsumerRow) -> Consumer:
    return Consumer(
        queue=spec.queue,
        worker=spec.worker,
        subsystem=spec.subsystem,
        paused=bool(wish.paused),
        enabled=_is_enabled(mapping),
        max_concurrency=_max_concurrency(mapping),
        batch_size=mapping.get("BatchSize"),
    )


def _is_enabled(mapping: "Mapping_") -> bool:
    return mapping.get("State", "") in ("Enabled", "Enabling", "Creating", "Updating")


def _max_concurrency(mapping: "Mapping_") -> int | None:
    return mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
