"""Carries the events that letters owe to the SNS topic, in a thread of its own, ten at a time.

Waiting events are in the store, so that a restart loses none; one may be published twice if the process dies at the
wrong moment, as with SES."""

import json
import logging
import threading
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from ses_mailbox.clock import Clock
from ses_mailbox.events import Event, Publication
from ses_mailbox.store import Store

if TYPE_CHECKING:
    from mypy_boto3_sns.client import SNSClient
    from mypy_boto3_sns.type_defs import PublishBatchRequestEntryTypeDef

_PAGE = 200
_BATCH = 10  # both limits are of `PublishBatch`
_BATCH_BYTES = 262_144
_LONGEST_PAUSE_SECONDS = 5.0

logger = logging.getLogger(__name__)


class Publisher:
    """Publishes until stopped. `wake` tells it that there is something new."""

    def __init__(self, store: Store, now: Clock, *, topic_arn: str, endpoint_url: str | None) -> None:
        self._store = store
        self._now = now
        self._topic_arn = topic_arn
        self._region, self._account_id = topic_arn.split(":")[3:5]
        self._endpoint_url = endpoint_url
        self._news = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="mailbox-events", daemon=True)

    def start(self) -> None:
        """Starts the thread, which first publishes what an earlier process left."""
        self._thread.start()

    def wake(self) -> None:
        """There are new events."""
        self._news.set()

    def stop(self, timeout_seconds: float = 5.0) -> None:
        """Stops after the batch in hand; the rest waits in the store."""
        self._stopping.set()
        self._news.set()
        self._thread.join(timeout_seconds)

    def _run(self) -> None:
        client, pause_seconds = self._client(), 0.1
        while not self._stopping.is_set():
            self._news.clear()
            try:
                published = self._publish_page(client)
            except (BotoCoreError, ClientError) as error:
                logger.warning("events wait: the topic does not answer (%s)", type(error).__name__)
                self._stopping.wait(pause_seconds)
                pause_seconds = min(pause_seconds * 2, _LONGEST_PAUSE_SECONDS)
                continue
            pause_seconds = 0.1
            if not published:
                self._news.wait()

    def _client(self) -> "SNSClient":
        # On the emulator a 12-digit key id names the account; the topic's own account is the right one.
        return boto3.client(
            "sns",
            region_name=self._region,
            endpoint_url=self._endpoint_url,
            aws_access_key_id=self._account_id,
            aws_secret_access_key="local",  # noqa: S106  (the emulator checks none)
            config=Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}),
        )

    def _publish_page(self, client: "SNSClient") -> int:
        pending = self._store.pending_events(_PAGE)
        entries: list[PublishBatchRequestEntryTypeDef] = []
        for seq, event, letter in pending:
            publication = Publication(
                letter=letter,
                event=Event.model_validate_json(event),
                moment=self._now(),
                region=self._region,
                account_id=self._account_id,
            )
            entries.append({"Id": str(seq), "Message": json.dumps(publication.body(), ensure_ascii=False)})
        for batch in _batches(entries):
            answer = client.publish_batch(TopicArn=self._topic_arn, PublishBatchRequestEntries=batch)
            self._store.settle_events(int(done["Id"]) for done in answer["Successful"])
            if answer.get("Failed"):
                self._stopping.wait(0.2)  # they are still in the store: the next page begins with them
        return len(entries)


def _batches(
    entries: Sequence["PublishBatchRequestEntryTypeDef"],
) -> Iterator[list["PublishBatchRequestEntryTypeDef"]]:
    batch: list[PublishBatchRequestEntryTypeDef] = []
    size_bytes = 0
    for entry in entries:
        entry_bytes = len(entry["Message"].encode())
        if batch and (len(batch) == _BATCH or size_bytes + entry_bytes > _BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(entry)
        size_bytes += entry_bytes
    if batch:
        yield batch
