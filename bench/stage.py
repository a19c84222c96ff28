"""A stage of the service on the embedded cloud whose workers run in this process: what each of them costs can then be
told apart, in CPU time of its own code and in requests to AWS. The emulator and the mailbox are processes of their own.

    with worked_by_hand(users=1000) as stage:
        spent = stage.campaign()
        spent["enrich"].cpu_seconds, spent["enrich"].requests
"""

import os
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3
from botocore.config import Config

from bench.crowd import RATE, Crowd, crowd
from bench.requests_made import Requests, Units

_RECEIVED = 10  # SQS: the most that one ReceiveMessage gives
_POLLING = Config(retries={"total_max_attempts": 3, "mode": "standard"})
_PATIENCE_SECONDS = 30
_PREFIX = "vestnik-local-"
# The queues of a campaign's way and of an instant letter's, each with its worker.
WAY: Mapping[str, str] = {
    "fanout": "fanout",
    "enrich-bulk": "enrich",
    "deliver-email-bulk": "deliver",
    "feedback": "feedback",
    "retry": "retry",
}
INSTANT_WAY: Mapping[str, str] = {"enrich-instant": "enrich", "deliver-email": "deliver"}
Handler = Callable[[Any, Any], Any]
Message = Mapping[str, Any]  # as ReceiveMessage gives it


@dataclass
class Spent:
    """What one worker has used. `polls` are the requests by which Lambda takes its messages and removes them; AWS bills
    them like any other."""

    cpu_seconds: float = 0.0
    invocations: int = 0
    messages: int = 0
    polls: int = 0
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    units: Units = field(default_factory=Units)

    def __add__(self, more: "Spent") -> "Spent":
        return Spent(*(getattr(self, one.name) + getattr(more, one.name) for one in fields(self)))

    def request_count(self) -> int:
        """Those that the worker itself made."""
        return self.requests.total()


class Source:
    """One queue and the worker that takes from it, as an event source mapping does."""

    def __init__(self, sqs: Any, url: str, handler: Handler, *, batch: int, counted: Requests) -> None:
        self._sqs = sqs
        self._url = url
        self._handler = handler
        self._batch = batch
        self._counted = counted
        self.spent = Spent()

    def work(self) -> int:
        """One batch, if there is one; how many messages it held."""
        messages = received(self._sqs, self._url, self._batch)
        if messages:
            self.spent.polls += -(-len(messages) // _RECEIVED)
            spent, done = invoke(self._handler, messages, queue=self._url.rpartition("/")[2], counted=self._counted)
            self.spent += spent
            self.spent.polls += remove(self._sqs, self._url, done)
        return len(messages)


def received(sqs: Any, url: str, most: int) -> list[Message]:
    """What waits in a queue, up to so many messages."""
    messages: list[Message] = []
    while len(messages) < most:
        answer = sqs.receive_message(
            QueueUrl=url, MaxNumberOfMessages=min(_RECEIVED, most - len(messages)),
            AttributeNames=["All"], MessageAttributeNames=["All"],
        )  # fmt: skip
        if not answer.get("Messages"):
            break
        messages += answer["Messages"]
    return messages


def remove(sqs: Any, url: str, messages: Sequence[Message]) -> int:
    """Takes messages out of their queue; in how many requests."""
    starts = range(0, len(messages), _RECEIVED)
    for start in starts:
        some = messages[start : start + _RECEIVED]
        entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(some)]
        sqs.delete_message_batch(QueueUrl=url, Entries=entries)
    return len(starts)


def invoke(
    handler: Handler, messages: Sequence[Message], *, queue: str, counted: Requests
) -> tuple[Spent, list[Message]]:
    """Gives one batch to a worker; what it used, and the messages that it has done."""
    records = [
        {"messageId": m["MessageId"], "body": m["Body"], "attributes": m["Attributes"],
         "eventSourceARN": f"arn:aws:sqs:us-east-1:000000000000:{queue}",
         "eventSource": "aws:sqs", "messageAttributes": {}, "receiptHandle": m["ReceiptHandle"],
         "md5OfBody": m["MD5OfBody"], "awsRegion": "us-east-1"}
        for m in messages
    ]  # fmt: skip
    counted.take()
    before = time.process_time()
    answer = handler({"Records": records}, _Context())
    cpu_seconds = time.process_time() - before
    requests, units = counted.take()
    failed = {one["itemIdentifier"] for one in (answer or {}).get("batchItemFailures", [])}
    done = [m for m in messages if m["MessageId"] not in failed]
    return Spent(cpu_seconds, invocations=1, messages=len(messages), requests=requests, units=units), done


class _Context:
    """What Powertools and the workers ask of Lambda's context."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


@dataclass(frozen=True)
class Batch:
    """How an event source mapping gathers messages."""

    size: int
    window_seconds: int


class Stage:
    """The stage of one measurement. `batches`: by queue, as they are deployed."""

    def __init__(self, made: Crowd, counted: Requests, batches: Mapping[str, Batch]) -> None:
        self.made = made
        self.counted = counted
        self.batches = batches
        self.sqs = boto3.client("sqs", config=_POLLING)

    def url(self, queue: str) -> str:
        """Where a queue is, by its whole name."""
        return str(self.sqs.get_queue_url(QueueName=queue)["QueueUrl"])

    def source(self, queue: str, handler: Handler, *, batch: int) -> Source:
        """A queue, by its whole name, with its worker."""
        return Source(self.sqs, self.url(queue), handler, batch=batch, counted=self.counted)

    def sources(self, way: Mapping[str, str]) -> dict[str, Source]:
        """The queues of a way, by their workers."""
        return {
            worker: self.source(
                _PREFIX + queue, import_module(f"functions.{worker}").handler, batch=self.batches[queue].size
            )
            for queue, worker in way.items()
        }

    def campaign(self, **audience: Any) -> dict[str, Spent]:
        """Sends the letter to everybody by the whole way; what each worker has used. Raises: TimeoutError."""
        sources = self.sources(WAY)
        campaign_id = self.made.start(**audience)

        def settled() -> bool:
            seen = self.made.progress(campaign_id)
            return bool(seen["targeted"] and seen["delivered"] == seen["targeted"])

        work_off(sources.values(), settled)
        return {worker: source.spent for worker, source in sources.items()}


def work_off(sources: Collection[Source], settled: Callable[[], bool]) -> None:
    """Works until it is settled, which is asked when nothing waits in the queues. Raises: TimeoutError."""
    idle_since = time.monotonic()
    while True:
        if sum(source.work() for source in sources):
            idle_since = time.monotonic()
        elif settled():
            return
        elif time.monotonic() - idle_since > _PATIENCE_SECONDS:
            raise TimeoutError("the campaign stands still")
        else:
            time.sleep(0.2)


@contextmanager
def worked_by_hand(users: int) -> Iterator[Stage]:
    """A cloud of its own whose queues nobody takes from but this process, and whose clock stands still."""
    with crowd(users) as made, tempfile.TemporaryDirectory() as folder:
        batches = _take_over(made)
        os.environ.update(made.cloud.environment())
        os.environ["VESTNIK_SES_PER_SECOND"] = str(int(RATE))  # the campaign may go as fast as its provider
        os.environ["POWERTOOLS_SERVICE_NAME"] = "vestnik-local"
        log = (Path(folder) / "workers.log").open("w")  # what they print is theirs, and is made as on Lambda
        try:
            yield Stage(made, Requests(), batches)
        finally:
            log.close()


def _take_over(made: Crowd) -> dict[str, Batch]:
    """Ends the event source mappings and the schedules; how the former gathered, by queue."""
    account = made.cloud.account
    batches: dict[str, Batch] = {}
    for mapping in account.lambdas.list_event_source_mappings()["EventSourceMappings"]:
        queue = mapping["EventSourceArn"].rpartition(":")[2].removeprefix(_PREFIX)
        window = int(mapping.get("MaximumBatchingWindowInSeconds") or 0)  # it comes as text where it was a parameter
        batches[queue] = Batch(int(mapping["BatchSize"]), window)
        account.lambdas.delete_event_source_mapping(UUID=mapping["UUID"])
    scheduler = account.session.client("scheduler", endpoint_url=account.endpoint_url)
    for schedule in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
    return batches
