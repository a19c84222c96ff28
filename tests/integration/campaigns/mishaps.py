"""Workers that die, lose replies and meet each other; providers of whose answers nobody hears. All by chance."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any

from botocore.exceptions import ConnectionClosedError, EndpointConnectionError
from moto.core.models import botocore_stubber

from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import dynamodb
from tests.twin.client import Sent

TRIES = 4  # botocore's, of one request


class KilledError(BaseException):
    """The process is gone: nothing of it goes on, whatever it would catch."""


class Mishaps:
    """What happens to one worker at its n-th request of AWS: it dies before or after, its reply is lost, the service
    cannot be reached, or another worker does something in between."""

    def __init__(self, random: Random, another: Callable[[], object]) -> None:
        self._random, self._another = random, another
        self._left, self._what = 0, ""

    def plan(self) -> None:
        """Perhaps, for the worker that begins now."""
        kinds = ["killed before", "killed after", "lost", "unreachable", "another", "another"]
        self._what = self._random.choice(kinds)
        self._left = self._random.choice([0, 1, 2, 3, 4, 5, 6, 8, 10, 14, 18])

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Nothing happens to whoever acts in the block."""
        planned, self._left, self._what = (self._left, self._what), 0, ""
        try:
            yield
        finally:
            self._left, self._what = planned

    @contextmanager
    def between(self) -> Iterator[None]:
        """As long as the block lasts they happen."""
        wires = {"dynamodb": dynamodb().client.meta.events, "sqs": Stage.own().sqs.meta.events}
        for service, events in wires.items():
            events.register_first(f"before-send.{service}.*", self)
        try:
            yield
        finally:
            for service, events in wires.items():
                events.unregister(f"before-send.{service}.*", self)

    def __call__(self, request: Any, **_: Any) -> None:
        self._left -= 1
        if self._left == 0 and self._what == "another":
            self._another()
        elif self._left == 0 and self._what == "killed before":
            raise KilledError
        elif self._left == 0 and self._what in ("killed after", "lost"):
            request.arrive() if isinstance(request, Sent) else botocore_stubber(event_name="", request=request)
            if self._what == "lost" and isinstance(request, Sent):  # of SQS botocore would sleep before its next try
                raise ConnectionClosedError(endpoint_url=request.url)
            raise KilledError
        elif -TRIES < self._left <= 0 and self._what == "unreachable" and isinstance(request, Sent):
            raise EndpointConnectionError(endpoint_url=request.url)


class Provider:
    """Takes most letters, and counts them; of some nobody hears whether it has. `told` hears of each that it took."""

    batch_size = 50

    def __init__(
        self, name: str, random: Random, another: Callable[[], object], told: Callable[[Message], None]
    ) -> None:
        self.name = name
        self._random, self._another, self._told = random, another, told
        self.well = False  # nothing happens any more
        self.taken: Counter[str] = Counter()
        self.addresses: dict[str, str] = {}

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel`."""
        chance = self._random.random()
        if not self.well and chance < 0.3:
            self._another()
        elif not self.well and chance < 0.35:
            raise KilledError
        outcomes = [self._take(message) for message in messages]
        if not self.well and 0.35 < chance < 0.4:
            raise KilledError
        return outcomes

    def _take(self, message: Message) -> Outcome:
        chance = 1.0 if self.well else self._random.random()
        if chance < 0.02:
            return Outcome(Verdict.UNKNOWN, reason="reply_lost")
        if chance < 0.05:
            return Outcome(Verdict.NOT_ACCEPTED, reason="provider_failed")
        if chance < 0.06:
            return Outcome(Verdict.REFUSED, reason="bad_address")
        self.taken[message.delivery_id] += 1
        self.addresses[message.delivery_id] = message.address
        self._told(message)
        if chance < 0.09:
            return Outcome(Verdict.UNKNOWN, reason="reply_lost")
        return Outcome(Verdict.ACCEPTED, message.delivery_id)
