"""The queues of the service on the emulator, looked into and tampered with. `rig.py` makes it."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cached_property
from typing import TYPE_CHECKING

from infra.local.children import STAGE
from infra.local.cloud import LocalCloud
from tests.e2e.conftest import eventually, rest

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType

_HELD_SECONDS = 240  # a message that is read stays unseen so long, or until it is put back


class Queues:
    """Those of the stage; each is named without the stage."""

    def __init__(self, cloud: LocalCloud) -> None:
        self._cloud = cloud

    def dead(self) -> dict[str, int]:
        """The number of dead letters in each queue that has any."""
        return {name.removesuffix("-dlq"): n for name, n in self.depths().items() if name.endswith("-dlq")}

    def depths(self) -> dict[str, int]:
        """The number of messages in each queue that has any."""
        depths = {url.rpartition("/")[2].removeprefix(f"vestnik-{STAGE}-"): self._depth(url) for url in self._urls()}
        return {name: n for name, n in depths.items() if n}

    def put(self, queue: str, *bodies: str) -> None:
        """Puts test messages."""
        url = self._url(queue)
        for start in range(0, len(bodies), 10):
            entries = [{"Id": str(n), "MessageBody": body} for n, body in enumerate(bodies[start : start + 10])]
            self._sqs.send_message_batch(QueueUrl=url, Entries=entries)  # type: ignore[arg-type]

    def waiting_bodies(self, queue: str, n: int) -> list[str]:
        """Reads `n` messages that wait in a queue whose consumer is paused, each once, and leaves them there."""
        url, found = self._url(queue), {}

        def look() -> bool:
            answer = self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=_HELD_SECONDS)
            found.update({message["ReceiptHandle"]: message["Body"] for message in answer.get("Messages", [])})
            return len(found) >= n

        eventually(look)
        for handle in found:
            self._sqs.change_message_visibility(QueueUrl=url, ReceiptHandle=handle, VisibilityTimeout=0)
        return list(found.values())

    def exhaust(self, queue: str) -> None:
        """Plays a consumer that dies with every message it takes, until SQS gives all of them up; the real one must be
        paused."""
        url = self._url(queue)
        while self._depth(url):
            self._sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10, VisibilityTimeout=0)

    def depth(self, queue: str) -> int:
        """Every message of a queue: visible, in flight and delayed."""
        return self._depth(self._url(queue))

    def in_flight(self, queue: str) -> int:
        """Messages that a worker holds."""
        return self._held(self._url(queue))

    def _url(self, queue: str) -> str:
        """Of the stage's queue."""
        return self._sqs.get_queue_url(QueueName=f"vestnik-{STAGE}-{queue}")["QueueUrl"]

    def visibility(self, queue: str, seconds: int) -> AbstractContextManager[None]:
        """Sets another visibility timeout for a while: what fails comes back sooner."""
        return self._with(queue, "VisibilityTimeout", lambda _: str(seconds))

    def receives(self, queue: str, most: int) -> AbstractContextManager[None]:
        """For a while a message becomes a dead letter only after so many. Production's five take a quarter of an hour,
        here a minute, which a busy machine may need to come back to its feet."""
        return self._with(
            queue, "RedrivePolicy", lambda policy: json.dumps({**json.loads(policy), "maxReceiveCount": most})
        )

    @contextmanager
    def _with(self, queue: str, name: "QueueAttributeNameType", change: Callable[[str], str]) -> Iterator[None]:
        url = self._url(queue)
        before = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[name])["Attributes"][name]
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={name: change(before)})
        try:
            yield
        finally:
            self._sqs.set_queue_attributes(QueueUrl=url, Attributes={name: before})

    def empty_all(self, *, patience_seconds: float) -> None:
        """Empties all queues, once the workers hold nothing or so much time has passed."""
        began = time.monotonic()
        while any(map(self._held, self._urls())) and time.monotonic() < began + patience_seconds:
            rest(began)
        for url in self._urls():
            if self._depth(url):
                self._sqs.purge_queue(QueueUrl=url)

    def _depth(self, url: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return sum(int(n) for name, n in answer.items() if name.startswith("ApproximateNumberOfMessages"))

    def _held(self, url: str) -> int:
        answer = self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(answer["ApproximateNumberOfMessagesNotVisible"])

    def _urls(self) -> list[str]:
        return self._sqs.list_queues(QueueNamePrefix=f"vestnik-{STAGE}-")["QueueUrls"]

    @cached_property
    def _sqs(self) -> "SQSClient":
        """A client that goes around the wires."""
        client: SQSClient = self._cloud.account.session.client("sqs", endpoint_url=self._cloud.emulator_url)
        return client
