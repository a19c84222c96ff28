"""What a person does about deliveries: cancel what is unsent; of those that the service gave up or is unsure of, send
them again, or leave them."""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from chalicelib.addresses import user_of
from chalicelib.campaigns.variant_letters import letter_of
from chalicelib.composed import Composed
from chalicelib.deliveries import REOPENED_FROM, DeliveryKey, DeliveryStatus, Move, variant_at
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.flow.dead_letters import DeadLetters
from chalicelib.flow.queues import JobQueue, Outgoing, QueueMessage
from chalicelib.manifest import enrich_queue
from chalicelib.observability import logger
from chalicelib.pipeline.jobs import DeliverJob, EnrichJob, EnrichRecipient, LetterSpec, key_of
from chalicelib.pipeline.retry import RetryJob
from chalicelib.reasons import Reason
from chalicelib.schemas import passed, recalled, received
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import HELD, CampaignState, state_word
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.deliveries import Delivery
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.notifications import Notification, read_notification
from chalicelib.storage.requests import StoredRequest, read_request
from chalicelib.storage.runs import Run, Runs

_REOPENED_BEFORE_SECONDS = 5  # a job must not arrive before its delivery is open


class OperatorActions(Composed):
    """An operator's actions on the ledger. `site_tag` is that of the current settings."""

    ledger: Ledger
    campaigns: Campaigns
    runs: Runs
    queues: JobQueue
    dead_letters: DeadLetters
    site_tag: Callable[[], str]

    def redrive(self, queue: str, *, limit: int, ids: Sequence[str] | None = None) -> int:
        """Puts dead letters back into their queue and reopens the deliveries that were given up with them; what was
        sent or is uncertain stays so. Returns how many. Raises: NotFoundError (permanent), UnavailableError (retryable;
        the rest stays)."""

        def back(letters: Sequence[QueueMessage]) -> None:
            self.queues.put(queue, [Outgoing(body) for body in self._reopened([one.body for one in letters])])

        return self.dead_letters.take(queue, limit=limit, ids=ids, each=back)

    def drop(self, queue: str, *, limit: int, reason: str, by: str, ids: Sequence[str] | None = None) -> int:
        """Deletes dead letters for good; returns how many. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""

        def note(letters: Sequence[QueueMessage]) -> None:
            for letter in letters:
                logger().warning("dead letter dropped", queue=queue, message_id=letter.id, reason=reason, by=by)

        return self.dead_letters.take(queue, limit=limit, ids=ids, each=note)

    def assume_sent(self, key: DeliveryKey) -> None:
        """Marks an uncertain delivery as sent; idempotent. Raises: NotFoundError, ConflictError (permanent),
        UnavailableError (retryable)."""
        found = self._found(key)
        if (found.status, found.reason) == (DeliveryStatus.SENT, Reason.ASSUMED_BY_HAND):
            return
        if found.status != DeliveryStatus.UNCERTAIN:
            raise ConflictError(Phrase("the delivery {id} is not uncertain", id=key.id))
        # By hand: only from what waits for a person. A request to send again meanwhile is not overruled.
        if self.ledger.move([Move(key, DeliveryStatus.SENT, reason=Reason.ASSUMED_BY_HAND, by_hand=True)]):
            raise ConflictError(Phrase("somebody else has decided about the delivery {id}", id=key.id))

    def send_again(self, key: DeliveryKey) -> None:
        """Sends an uncertain or failed delivery again, as if new, in the version of its request or run; idempotent
        while it waits. Raises: NotFoundError, ConflictError (permanent), UnavailableError (retryable)."""
        found = self._found(key)
        if (found.status, found.reason) == (DeliveryStatus.QUEUED, Reason.BY_HAND):
            return
        if found.status not in REOPENED_FROM:
            raise ConflictError(Phrase("the delivery {id} is neither uncertain nor failed", id=key.id))
        head, letter = self._read(key)
        recipient = EnrichRecipient(
            notification_id=key.notification_id,
            user_id=user_of(head.owner),
            profile=None if user_of(head.owner) else dict(head.recipient),
            spot=head.spot,
        )
        job = EnrichJob(letter=letter, channels=(key.channel,), recipients=(recipient,), again=True)
        # Queued first, reopened second: after a crash between the two the delivery is as it was, and the job is
        # dropped. In the other order it would be open with no job, and nobody could ask again.
        self.queues.put(enrich_queue(letter.lane), [Outgoing(passed(job), _REOPENED_BEFORE_SECONDS)])
        if self.ledger.move([_reopen(key)]):
            raise ConflictError(Phrase("somebody else has decided about the delivery {id}", id=key.id))

    def _found(self, key: DeliveryKey) -> Delivery:
        found = self.ledger.read(key)
        if found is None:
            raise NotFoundError(Phrase("there is no delivery {id}", id=key.id))
        return found

    def _reopened(self, bodies: Sequence[str]) -> list[str]:
        """The bodies as they go back: with their first attempt. What is no job goes back as it is."""
        jobs = [_job_in(body) for body in bodies]
        self._reopen_failed(
            {key_of(one, job.channel) for job in jobs if isinstance(job, DeliverJob) for one in job.recipients}
        )
        return [
            passed(job.model_copy(update={"attempt": 1})) if job else body
            for job, body in zip(jobs, bodies, strict=True)
        ]

    def _reopen_failed(self, keys: Collection[DeliveryKey]) -> None:
        # Only what failed: an uncertain delivery may have been sent, and is decided one by one.
        states = self.ledger.states(keys)
        failed = [key for key in keys if key in states and states[key].status == DeliveryStatus.FAILED]
        if failed:
            self.ledger.move([_reopen(key) for key in failed])

    def _read(self, key: DeliveryKey) -> tuple[Notification, LetterSpec]:
        head = read_notification(key.notification_id)
        stored = self._asked(head) if head else None
        if head is None or stored is None:
            raise NotFoundError(
                Phrase("there is no notification {id}, or what was asked is forgotten", id=key.notification_id)
            )
        if isinstance(stored, Run):
            return head, letter_of(stored, variant_at(head.spot))
        return head, recalled(LetterSpec, stored.letter)

    def _asked(self, head: Notification) -> StoredRequest | Run | None:
        """What the notification came from."""
        if head.campaign_id is None or head.run_id is None:
            return read_request(head.request_id or "")
        campaign = next(iter(self.campaigns.some([head.campaign_id])), None)
        if campaign is not None and campaign.state in (*HELD, CampaignState.CANCELLED):
            raise ConflictError(Phrase("its campaign is {state}", state=state_word(campaign.state)))
        # Workers would hold it, and with its run over nothing would let it go on.
        if campaign is not None and campaign.approved_site not in (None, self.site_tag()):
            raise ConflictError(Phrase("its campaign waits for approval: it would not be sent as it was approved"))
        return self.runs.get(head.campaign_id, head.run_id.removeprefix(f"{head.campaign_id}@"))


def _job_in(body: str) -> DeliverJob | EnrichJob | None:
    kinds: tuple[type[DeliverJob | EnrichJob], ...] = (DeliverJob, EnrichJob)
    for kind in kinds:
        with suppress(ValidationError):
            return received(kind, body)
    return None


class _Glimpse(BaseModel):
    """The part of a job that is readable whatever its kind or version."""

    model_config = ConfigDict(extra="ignore", defer_build=True)

    class LetterGlimpse(BaseModel):
        model_config = ConfigDict(defer_build=True)

        template: str

    class RecipientGlimpse(BaseModel):
        model_config = ConfigDict(defer_build=True)

        notification_id: str

    letter: LetterGlimpse
    recipients: list[RecipientGlimpse]
    attempt: int = 1


def describe_dead_letter(letter: QueueMessage) -> dict[str, Any]:
    """A dead letter without personal data: which kind of job, about which notifications. A job that was put aside is
    found inside its RetryJob."""
    described: dict[str, Any] = {
        "id": letter.id,
        "sent_at": letter.sent_at,
        "receives": letter.receives,
        "size_bytes": len(letter.body.encode()),
        "readable": False,
    }
    body = letter.body
    with suppress(ValidationError):
        body = received(RetryJob, body).body
    with suppress(ValidationError):
        job = _Glimpse.model_validate_json(body)
        described |= {
            "readable": True,
            "template": job.letter.template,
            "attempt": job.attempt,
            "notification_ids": [one.notification_id for one in job.recipients],
        }
    return described


def why_dead(described: Mapping[str, Any], *, max_attempts: int) -> str:
    """The cause, from such a description: `unreadable` (none of our workers can read it), `attempts_used_up` (given
    up), or `worker_failed` (it came back from its worker as often as SQS allows)."""
    if not described["readable"]:
        return "unreadable"
    return "attempts_used_up" if described["attempt"] >= max_attempts else "worker_failed"


def _reopen(key: DeliveryKey) -> Move:
    return Move(key, DeliveryStatus.QUEUED, reason=Reason.BY_HAND, by_hand=True)


def cancel(notification_id: str, *, ledger: Ledger, sight: Sight = EVERYTHING) -> None:
    """Cancels every delivery that no worker has claimed yet; the others continue. It is written before any worker
    claims it, so that the claim fails: no message has to be found in a queue (ADR 0001). Idempotent. Raises:
    NotFoundError (permanent: there is none in `sight`), UnavailableError (retryable)."""
    head = read_notification(notification_id)
    if head is None or not sight.has(head.service):
        raise NotFoundError(Phrase("there is no notification {id}", id=notification_id))
    ledger.move(
        [
            Move(
                key,
                DeliveryStatus.CANCELLED,
                # As long as the notification itself: what is cancelled a year ahead stays cancelled.
                expires_at_epoch=head.expires_at_epoch,
            )
            for key in head.keys
        ]
    )
