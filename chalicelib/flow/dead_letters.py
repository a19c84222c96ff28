"""How many messages are in every queue, and what is in the dead-letter queues; `services/operator_actions.py` decides
about a message.

`StartMessageMoveTask` would move messages as they are; ours must first reopen what was given up. It is also missing in
some backends, and takes only queues that SQS itself fills (ADR 0003).
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import NamedTuple

from chalicelib.errors import NotFoundError, Phrase
from chalicelib.flow.queues import QueueMessage, Queues
from chalicelib.manifest import CONSUMERS

_AT_ONCE = 8
KNOWN_SECONDS = 2  # a page asks twenty queues, however many people look
DEAD_SECONDS = 10  # counts of dead letters change seldom and cost as much

KEPT = timedelta(days=14)  # since the message was first put, wherever it has lain (infra/template.yaml)
_LOOK_SECONDS = 2  # how long a message stays hidden while more are looked at
_TAKE_SECONDS = 60
_PATIENCE_SECONDS = 12  # a call has 25 and asks for counts too: whoever asked repeats it
_SCAN_AT_MOST = 2000  # messages that a search by ids goes through: some seconds, within an API call's patience


class DeadLetters:
    """By the name of the queue that they dropped out of. `taken` is called when some have left. Each method raises
    NotFoundError (permanent: no such queue), UnavailableError (retryable)."""

    def __init__(
        self, queues: Queues, *, monotonic: Callable[[], float], taken: Callable[[], None] = lambda: None
    ) -> None:
        self._queues = queues
        self._monotonic = monotonic
        self._taken = taken

    def counts(self) -> dict[str, int]:
        """About how many are in each."""
        return {queue: self.count(queue) for queue in CONSUMERS}

    def count(self, queue: str) -> int:
        """About how many are in one."""
        return sum(self._queues.counts(_dead(queue)))

    def look(self, queue: str, *, limit: int) -> list[QueueMessage]:
        """Up to `limit` messages, which stay."""
        messages = [message for batch in self._receive(queue, limit, _LOOK_SECONDS) for message in batch]
        self._queues.show_again(_dead(queue), messages)  # whoever looked may put them back in the same second
        return messages

    def take(
        self,
        queue: str,
        *,
        limit: int,
        ids: Sequence[str] | None = None,
        each: Callable[[Sequence[QueueMessage]], None],
    ) -> int:
        """Passes up to `limit` messages (of `ids`, if given, searched among the first 2000) to `each`, ten at a time,
        and removes the ten after it; returns how many, fewer where time was short. An exception of `each` ends it."""
        wanted = None if ids is None else set(ids)
        most = limit if wanted is None else min(limit, len(wanted))
        spared: list[QueueMessage] = []
        removed = 0
        until = self._monotonic() + _PATIENCE_SECONDS
        try:
            for batch in self._receive(queue, limit if wanted is None else _SCAN_AT_MOST, _TAKE_SECONDS):
                chosen = [one for one in batch if wanted is None or one.id in wanted][: most - removed]
                spared += [one for one in batch if one not in chosen]
                if chosen:
                    each(chosen)
                    self._queues.remove(_dead(queue), chosen)
                    removed += len(chosen)
                if removed == most or self._monotonic() > until:
                    break
        finally:
            # Only now: the search would find again and again what is shown, and nothing behind it.
            self._queues.show_again(_dead(queue), spared)
            self._taken()
        return removed

    def _receive(self, queue: str, limit: int, hidden_seconds: int) -> Iterator[list[QueueMessage]]:
        seen: set[str] = set()
        while len(seen) < limit:
            found = self._queues.receive(_dead(queue), hidden_seconds=hidden_seconds, limit=limit - len(seen))
            messages = [message for message in found if message.id not in seen]
            if not messages:
                return
            seen.update(message.id for message in messages)
            yield messages


def _dead(queue: str) -> str:
    if queue not in CONSUMERS:
        known = ", ".join(CONSUMERS)
        raise NotFoundError(Phrase("there is no queue {queue}; there are {known}", queue=queue, known=known))
    return f"{queue}-dlq"


class Depth(NamedTuple):
    """Messages of one queue, counted approximately."""

    waiting: int
    delayed: int
    in_flight: int
    dead: int

    @property
    def total(self) -> int:
        """Everything still to be done."""
        return self.waiting + self.delayed + self.in_flight


class QueueDepths:
    """Each method that reads raises UnavailableError (retryable)."""

    def __init__(self, queues: Queues, *, monotonic: Callable[[], float]) -> None:
        self._queues = queues
        self._monotonic = monotonic
        self._depths: Mapping[str, Depth] = {}
        self._until = 0.0
        self._dead: Mapping[str, int] = {}
        self._dead_until = 0.0

    def read(self) -> Mapping[str, Depth]:
        """By queue, at most two seconds old; `dead` at most ten."""
        if self._monotonic() < self._until:
            return self._depths
        dead = self._dead if self._monotonic() < self._dead_until else self.dead()
        self._depths = {queue: Depth(*numbers, dead=dead[queue]) for queue, numbers in self._all(CONSUMERS).items()}
        self._until = self._monotonic() + KNOWN_SECONDS
        return self._depths

    def forget(self) -> None:
        """The next read is fresh: this process has just moved something."""
        self._until = self._dead_until = 0.0

    def dead(self) -> Mapping[str, int]:
        """The dead letters of each queue, now."""
        found = self._all(f"{queue}-dlq" for queue in CONSUMERS)
        self._dead = {name.removesuffix("-dlq"): sum(numbers) for name, numbers in found.items()}
        self._dead_until = self._monotonic() + DEAD_SECONDS
        self._until = 0.0
        return self._dead

    def _all(self, queues: Iterable[str]) -> Mapping[str, tuple[int, int, int]]:
        names = list(queues)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return dict(zip(names, pool.map(self._queues.counts, names), strict=True))
