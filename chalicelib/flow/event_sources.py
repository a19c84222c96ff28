"""The event sources of the queues (Lambda's event source mappings) at run time: on or off, concurrency, batch size.

An event source is on unless a person has paused it or its subsystem's circuit breaker is open: then messages wait in
the queue with no receive used up. While the breaker ramps, as many workers run as its share of the full number. Whoever
changes a breaker or a setting here calls `follow`; `tick` does so every minute, so that a crash in between heals.
"""

from collections.abc import Callable, Iterable, Sequence
from math import ceil
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.aws_session import reaching
from chalicelib.clock import Clock
from chalicelib.errors import InvalidError, NotFoundError, Phrase, UnavailableError
from chalicelib.etags import Seen
from chalicelib.manifest import CONSUMERS, ConsumerSpec
from chalicelib.observability import Line, logger
from chalicelib.states import SwitchState as S
from chalicelib.storage.circuit_breakers import CircuitBreaker, CircuitBreakers
from chalicelib.storage.event_sources import Wish, read_wishes, save_wish

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_lambda.type_defs import EventSourceMappingConfigurationTypeDef as Mapping_

    _State = tuple[ConsumerSpec, Mapping_, Wish, CircuitBreaker | None]

ALIAS = "live"  # which version of a worker is called, where the stage has releases (infra/releases.py)
MIN_CONCURRENCY, MAX_CONCURRENCY = 2, 1000  # Lambda: MaximumConcurrency of an SQS mapping


class EventSource(NamedTuple):
    """An event source as it is (`enabled`, `max_concurrency`, `batch_size`) and as people want it (`paused`).
    `waits_for` names the open breaker because of which it is off."""

    queue: str
    worker: str
    subsystem: str | None
    paused: bool
    enabled: bool
    max_concurrency: int | None
    batch_size: int | None
    waits_for: str | None = None


class EventSources:
    """`client` is made when an event source is first changed: most workers never do. Each method raises
    UnavailableError (retryable)."""

    def __init__(
        self, client: Callable[[], "LambdaClient"], switches: CircuitBreakers, *, clock: Clock, prefix: str
    ) -> None:
        self._client = client
        self._switches = switches
        self._clock = clock
        self._prefix = prefix

    def read_all(self) -> list[EventSource]:
        return [_consumer(*one) for one in self._states(list(CONSUMERS.values()))]

    def wishes(self) -> dict[str, Wish]:
        """What people have asked of every consumer."""
        return read_wishes(list(CONSUMERS))

    def off(self) -> list[str]:
        """The queues that nobody reads, because of a person or a breaker."""
        wishes, switches = self.wishes(), {switch.name: switch.state for switch in self._switches.read_all()}
        return [
            queue
            for queue, spec in CONSUMERS.items()
            if wishes[queue].paused or switches.get(spec.subsystem or "") == S.OPEN
        ]

    def read(self, queue: str) -> EventSource:
        """One consumer. Raises: NotFoundError (permanent)."""
        _check(queue)
        for one in self._states([CONSUMERS[queue]]):
            return _consumer(*one)
        raise NotFoundError(Phrase("the consumer of {queue} is not deployed", queue=queue))

    def change(
        self,
        queue: str,
        *,
        by: str,
        paused: bool | None = None,
        max_concurrency: int | None = None,
        batch_size: int | None = None,
        seen: Seen | None = None,
    ) -> None:
        """What a person wants of an event source; None leaves a field unchanged. Takes effect at once. Raises:
        NotFoundError, InvalidError, ChangedError (permanent: it is not what was `seen`)."""
        _check(queue)
        if max_concurrency is not None and not MIN_CONCURRENCY <= max_concurrency <= MAX_CONCURRENCY:
            raise InvalidError.of(
                "max_concurrency", Phrase("expected {least} to {most}", least=MIN_CONCURRENCY, most=MAX_CONCURRENCY)
            )
        if batch_size is not None and not 1 <= batch_size <= CONSUMERS[queue].max_batch:
            raise InvalidError.of("batch_size", Phrase("expected 1 to {most}", most=CONSUMERS[queue].max_batch))
        save_wish(
            queue,
            by=by,
            at=self._clock(),
            paused=paused,
            max_concurrency=max_concurrency,
            batch_size=batch_size,
            seen=seen,
        )
        self.follow([CONSUMERS[queue].worker])

    def follow(self, workers: Sequence[str] | None = None) -> list[str]:
        """Brings the mappings to what breakers and people want; returns the changed queues. Raises: UnavailableError
        (retryable), after doing everything possible."""
        specs = [spec for spec in CONSUMERS.values() if workers is None or spec.worker in workers]
        changed, failed = [], []
        for spec, mapping, wish, switch in self._states(specs):
            changes = _changes(spec, mapping, wish, switch)
            try:
                if changes:
                    with reaching("Lambda did not answer"):
                        self._client().update_event_source_mapping(UUID=mapping["UUID"], **changes)
                    changed.append(spec.queue)
            except UnavailableError:
                failed.append(spec.queue)
        if failed:
            raise UnavailableError(f"Lambda did not switch the consumers of {', '.join(failed)}")
        return changed

    def follow_all(self) -> Line:
        """What `tick` does: every event source, probes included. Raises: UnavailableError (the next tick continues)."""
        return Line(counts={"consumers_switched": len(self.follow())})

    def follow_subsystem(self, subsystem: str) -> None:
        """The same for the consumers that depend on a subsystem."""
        workers = sorted({spec.worker for spec in CONSUMERS.values() if spec.subsystem == subsystem})
        if workers:
            self.follow(workers)

    def throw(
        self, name: str, *, opened: bool, by: str, reason: str, ramp: bool = True, seen: Seen | None = None
    ) -> CircuitBreaker:
        """Opens or closes a breaker by hand, and its event sources follow. Raises: NotFoundError, ChangedError
        (permanent: it is not what was `seen`), UnavailableError (retryable): nothing was thrown."""
        if opened:
            thrown = self._switches.open(name, by=by, reason=reason, seen=seen)
        else:
            thrown = self._switches.close(name, by=by, reason=reason, ramp=ramp, seen=seen)
        self.try_to_follow(name)
        return thrown

    def try_to_follow(self, subsystem: str) -> None:
        """As `follow_subsystem`; if it fails, the next tick does it, since the breaker alone holds calls back."""
        try:
            self.follow_subsystem(subsystem)
        except UnavailableError:
            logger().warning("consumers did not follow their switch", subsystem=subsystem)

    def _states(self, specs: Sequence[ConsumerSpec]) -> "list[_State]":
        """Of those that are deployed: the mapping, what people want, the breaker."""
        mappings = self._mappings(specs)
        wishes = read_wishes([spec.queue for spec in specs])
        switches = {switch.name: switch for switch in self._switches.read_all()}
        return [
            (spec, mappings[spec.queue], wishes[spec.queue], switches.get(spec.subsystem or ""))
            for spec in specs
            if spec.queue in mappings
        ]

    def _mappings(self, specs: Iterable[ConsumerSpec]) -> dict[str, "Mapping_"]:
        """The mappings by queue; one request for each worker. Where a stage has releases they belong to the alias, and
        Lambda lists them under it alone: one more request."""
        found: dict[str, Mapping_] = {}
        for worker in sorted({spec.worker for spec in specs}):
            found |= self._mappings_of(f"{self._prefix}{worker}")
            if any(spec.worker == worker and queue not in found for queue, spec in CONSUMERS.items()):
                found |= self._mappings_of(f"{self._prefix}{worker}:{ALIAS}")
        return found

    def _mappings_of(self, function: str) -> dict[str, "Mapping_"]:
        client = self._client()
        with reaching("Lambda did not answer"):
            try:
                listed = client.list_event_source_mappings(FunctionName=function)["EventSourceMappings"]
            except client.exceptions.ResourceNotFoundException:  # a stage without releases has no alias
                return {}
        queues = [one.get("EventSourceArn", "").rpartition(":")[2].removeprefix(self._prefix) for one in listed]
        return {queue: one for queue, one in zip(queues, listed, strict=True) if queue in CONSUMERS}


def _changes(spec: ConsumerSpec, mapping: "Mapping_", wish: Wish, switch: CircuitBreaker | None) -> dict[str, Any]:
    """What makes a mapping what breaker and people want now."""
    # When a probe is due, messages must flow, or nobody would make the call.
    enabled = (switch is None or switch.state != S.OPEN or switch.probe_due) and not wish.paused
    full, now = wish.max_concurrency or spec.max_concurrency, _max_concurrency(mapping)
    most = max(MIN_CONCURRENCY, ceil(full * (switch.share if switch else 1.0)))
    changes: dict[str, Any] = {}
    if enabled != _is_enabled(mapping):
        changes["Enabled"] = enabled
    # Not every backend knows the limit; without a wish there is nothing to insist on.
    if most != now and (wish.max_concurrency is not None or now):
        changes["ScalingConfig"] = {"MaximumConcurrency": most}
    if wish.batch_size is not None and wish.batch_size != mapping.get("BatchSize"):
        changes["BatchSize"] = wish.batch_size
    return changes


def _consumer(spec: ConsumerSpec, mapping: "Mapping_", wish: Wish, switch: CircuitBreaker | None) -> EventSource:
    return EventSource(
        queue=spec.queue,
        worker=spec.worker,
        subsystem=spec.subsystem,
        paused=wish.paused,
        enabled=_is_enabled(mapping),
        max_concurrency=_max_concurrency(mapping),
        batch_size=mapping.get("BatchSize"),
        waits_for=switch.name if switch and switch.state == S.OPEN else None,
    )


def _check(queue: str) -> None:
    if queue not in CONSUMERS:
        raise NotFoundError(
            Phrase("there is no consumer {queue}; there are {known}", queue=queue, known=", ".join(CONSUMERS))
        )


def _is_enabled(mapping: "Mapping_") -> bool:
    return mapping.get("State", "") in ("Enabled", "Enabling", "Creating", "Updating")


def _max_concurrency(mapping: "Mapping_") -> int | None:
    return mapping.get("ScalingConfig", {}).get("MaximumConcurrency")
