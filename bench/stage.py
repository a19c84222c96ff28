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
from collections.abc import Callable, Iterator, Mapping
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
# The queues of a campaign's way, each with its worker and the batch of its event source mapping in infra/template.yaml.
WAY: Mapping[str, tuple[str, int]] = {
    "fanout": ("fanout", 1),
    "enrich-bulk": ("enrich", 1),
    "deliver-email-bulk": ("deliver", 1),
    "feedback": ("feedback", 180),
    "retry": ("retry", 10),
}


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

    def __init__(
        self, sqs: Any, url: str, handler: Callable[[Any, Any], Any], *, batch: int, counted: Requests
    ) -> None:
        self._sqs = sqs
        self._url = url
        self._handler = handler
        self._batch = batch
        self._counted = counted
        self.spent = Spent()

    def work(self) -> int:
        """One batch, if there is one; how many messages it held."""
        messages: list[dict[str, Any]] = []
        while len(messages) < self._batch:
            answer = self._sqs.receive_message(
                QueueUrl=self._url, MaxNumberOfMessages=min(_RECEIVED, self._batch - len(messages)),
                AttributeNames=["All"], MessageAttributeNames=["All"],
            )  # fmt: skip
            if not answer.get("Messages"):
                break
            self.spent.polls += 1
            messages += answer["Messages"]
        if messages:
            self._invoke(messages)
        return len(messages)

    def _invoke(self, messages: list[dict[str, Any]]) -> None:
        arn = f"arn:aws:sqs:us-east-1:000000000000:{self._url.rpartition('/')[2]}"
        records = [
            {"messageId": m["MessageId"], "body": m["Body"], "attributes": m["Attributes"], "eventSourceARN": arn,
             "eventSource": "aws:sqs", "messageAttributes": {}, "receiptHandle": m["ReceiptHandle"],
             "md5OfBody": m["MD5OfBody"], "awsRegion": "us-east-1"}
            for m in messages
        ]  # fmt: skip
        self._counted.take()
        before = time.process_time()
        answer = self._handler({"Records": records}, _Context())
        self.spent.cpu_seconds += time.process_time() - before
        requests, units = self._counted.take()
        self.spent.requests += requests
        self.spent.units += units
        self.spent.invocations += 1
        self.spent.messages += len(messages)
        failed = {one["itemIdentifier"] for one in (answer or {}).get("batchItemFailures", [])}
        done = [m for m in messages if m["MessageId"] not in failed]
        for start in range(0, len(done), _RECEIVED):
            entries = [
                {"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]}
                for n, m in enumerate(done[start : start + _RECEIVED])
            ]
            self._sqs.delete_message_batch(QueueUrl=self._url, Entries=entries)
            self.spent.polls += 1


class _Context:
    """What Powertools and the workers ask of Lambda's context."""

    function_name = memory_limit_in_mb = invoked_function_arn = aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Stage:
    """The stage of one measurement."""

    def __init__(self, made: Crowd, counted: Requests) -> None:
        self.made = made
        self.counted = counted
        self.sqs = boto3.client("sqs", config=_POLLING)

    def source(self, queue: str, handler: Callable[[Any, Any], Any], *, batch: int) -> Source:
        """A queue, by its whole name, with its worker."""
        url = self.sqs.get_queue_url(QueueName=queue)["QueueUrl"]
        return Source(self.sqs, url, handler, batch=batch, counted=self.counted)

    def campaign(self, **audience: Any) -> dict[str, Spent]:
        """Sends the letter to everybody by the whole way; what each worker has used. Raises: TimeoutError."""
        sources = {
            worker: self.source(f"vestnik-local-{queue}", import_module(f"functions.{worker}").handler, batch=batch)
            for queue, (worker, batch) in WAY.items()
        }
        campaign_id = self.made.start(**audience)
        idle_since = time.monotonic()
        while True:
            if sum(source.work() for source in sources.values()):
                idle_since = time.monotonic()
                continue
            seen = self.made.progress(campaign_id)
            if seen["targeted"] and seen["delivered"] == seen["targeted"]:
                return {worker: source.spent for worker, source in sources.items()}
            if time.monotonic() - idle_since > _PATIENCE_SECONDS:
                raise TimeoutError(f"the campaign stands still: {seen}")
            time.sleep(0.2)


@contextmanager
def worked_by_hand(users: int) -> Iterator[Stage]:
    """A cloud of its own whose queues nobody takes from but this process, and whose clock stands still."""
    with crowd(users) as made, tempfile.TemporaryDirectory() as folder:
        _stop_workers(made)
        os.environ.update(made.cloud.environment())
        os.environ["VESTNIK_SES_PER_SECOND"] = str(int(RATE))  # the campaign may go as fast as its provider
        os.environ["POWERTOOLS_SERVICE_NAME"] = "vestnik-local"
        log = (Path(folder) / "workers.log").open("w")  # what they print is theirs, and is made as on Lambda
        try:
            yield Stage(made, Requests())
        finally:
            log.close()


def _stop_workers(made: Crowd) -> None:
    account = made.cloud.account
    for mapping in account.lambdas.list_event_source_mappings()["EventSourceMappings"]:
        account.lambdas.delete_event_source_mapping(UUID=mapping["UUID"])
    scheduler = account.session.client("scheduler", endpoint_url=account.endpoint_url)
    for schedule in scheduler.list_schedules()["Schedules"]:
        scheduler.delete_schedule(Name=schedule["Name"], GroupName=schedule["GroupName"])
