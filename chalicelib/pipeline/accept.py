"""Accepts requests for notifications: records the request, puts its jobs into the lane's queue, then answers.

Accepted means safe: what `accept` returns is a promise; if it raises, nothing is promised, and the call may be repeated
with the same key.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from chalicelib.attachments import AttachmentRef, KeptAttachment
from chalicelib.clock import Clock, derived_id, new_id, parse_rfc3339, rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import StopWhen
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import ConflictError, InvalidError, NotFoundError, Phrase
from chalicelib.flow.queues import MAX_DELAY_SECONDS, JobQueue, Outgoing
from chalicelib.isolation import each
from chalicelib.manifest import enrich_queue
from chalicelib.observability import Line, log_failure
from chalicelib.pipeline.jobs import EnrichJob, LetterSpec
from chalicelib.pipeline.letter_parts import LetterLanguages
from chalicelib.pipeline.letter_plan import check_letter, plan_of
from chalicelib.pipeline.requests import (
    NotificationRequest,
    OwnerOf,
    Recipient,
    chunks_of,
    is_future,
    notification_ids,
    recipients_of,
    record_notifications,
    spots_of_request,
)
from chalicelib.rendering.template_store import Edition, TemplateStore
from chalicelib.schemas import kept, passed, recalled
from chalicelib.storage.requests import (
    DUE_SHARDS,
    StoredRequest,
    due_requests,
    read_request,
    record_request,
    release_request,
)

if TYPE_CHECKING:
    from chalicelib.pipeline.attachment_intake import AttachmentIntake
    from chalicelib.rendering.render import Renderer


_LOOKAHEAD = timedelta(minutes=2)  # a request is queued a little early, with the rest of its wait as the delay


class Accepted(NamedTuple):
    """One notification of an accepted request."""

    id: str
    recipient: Recipient
    status: str  # accepted | scheduled
    duplicate: bool = False  # an earlier recipient is the same: this is that one's notification


class Accept(Composed):
    """Accepts requests, and releases those that were scheduled."""

    templates: TemplateStore
    renderer: "Callable[[], Renderer]"
    site: SiteSettings
    queues: JobQueue
    clock: Clock
    retention_days: int
    owner: OwnerOf
    attachments: "Callable[[], AttachmentIntake]"

    def edition(self, key: str) -> Edition:
        """What a letter of this template is made with from now on. Raises: InvalidError (permanent: there is no such
        template), UnavailableError (retryable)."""
        try:
            return self.templates.edition(key)
        except NotFoundError as error:
            known = ", ".join(sorted(self.templates.keys()))
            raise InvalidError.of("template", Phrase("expected the key of a template: {known}", known=known)) from error

    def check(self, request: NotificationRequest, *, edition: Edition | None = None) -> None:
        """Raises what `accept` would, and stores nothing. Raises: InvalidError (permanent; names each field)."""
        template = (edition or self.edition(request.template)).template
        check_letter(request, template, renderer=self.renderer)

    def accept(
        self,
        request: NotificationRequest,
        *,
        caller: str,
        key: str | None,
        service: str | None = None,
        stop_when: StopWhen | None = None,
        edition: Edition | None = None,
        locale: str | None = None,
        languages: LetterLanguages | None = None,
        replayed: Callable[[], object] = lambda: None,
        inside: Sequence[str] = (),
        kept_files: Sequence[KeptAttachment] = (),
    ) -> list[Accepted]:
        """Records and queues. With the same `key`, `caller` and body: the same ids, and no second letter; `replayed` is
        then called. Recipients for whom `stop_when` holds at the time of sending get none. The letter keeps its
        `edition`, by default the newest, whatever is deployed or saved before it leaves; `locale` is for recipients
        without a language, `languages` of a campaign's letter. `inside`: the categories of a collected letter's items.
        `service`: who may see it. `kept_files`: attachments that are not fetched again.

        Raises: InvalidError (permanent; names each field, nothing was stored), ConflictError (permanent: the key was
        used for another body), UnavailableError (retryable with the same key).
        """
        request_id = derived_id("request", caller, key) if key else new_id()
        try:
            edition = edition or self.edition(request.template)
            letter, channels = self._letter(request, edition, request_id)
            files: tuple[AttachmentRef, ...] = ()
            if request.attachments:
                files = self.attachments().of_request(request, request_id if key else None, known=kept_files)
        except InvalidError:
            # What was accepted once stays accepted, even if the newest version would refuse it.
            known = read_request(request_id) if key else None
            if known is None:
                raise
            replayed()
            stored = _same(known, request)
        else:
            self.templates.write_down(edition)
            more = {"stop_when": stop_when, "locale": locale, "inside": tuple(inside), "service": service}
            letter = letter.model_copy(update={**more, "languages": languages, "attachments": files})
            stored = self._record_request(request, letter, channels, caller=caller, replayed=replayed)
        self._record_notifications(stored)
        if stored.due_at is None:
            self.enqueue(stored)
        status = "scheduled" if is_future(request.send_at, now=self.clock()) else "accepted"
        ids = notification_ids(stored)
        given = enumerate(zip(ids, request.recipients, strict=True))
        return [Accepted(id=one, recipient=who, status=status, duplicate=one in ids[:n]) for n, (one, who) in given]

    def release_due(self) -> Line:
        """Queues the requests whose time has come; what a stopped clock missed is released by the next call. Raises:
        UnavailableError (retryable)."""
        released, unreadable = 0, list[str]()

        def strange(request_id: str, error: Exception) -> None:
            # Written by another release, or damaged: it stays for that release, or for a person, and stops no other.
            log_failure("tick", error, request=request_id)
            unreadable.append(request_id)

        until = rfc3339(self.clock() + _LOOKAHEAD)
        for shard in range(DUE_SHARDS):
            released += sum(each(self._release, due_requests(shard, until=until), alone=strange))
        return Line(counts={"released": released, "unreadable": len(unreadable)})

    def _release(self, request_id: str) -> int:
        # Queued first, taken off the index second: a crash between the two queues it twice, which is harmless.
        stored = read_request(request_id)
        if stored is None or stored.due_at is None:
            return 0  # the index is eventually consistent: somebody else has released it
        self.enqueue(stored)
        release_request(request_id)
        return 1

    def enqueue(self, stored: StoredRequest) -> None:
        """Puts the jobs of a recorded request; idempotent. Raises: UnavailableError (retryable)."""
        letter = recalled(LetterSpec, stored.letter)
        delay = self._delay_seconds(stored)
        jobs = [
            passed(EnrichJob(letter=letter, channels=tuple(stored.channels), recipients=chunk))
            for chunk in chunks_of(stored)
        ]
        self.queues.put(enrich_queue(letter.lane), [Outgoing(job, delay) for job in jobs])

    def _letter(
        self, request: NotificationRequest, edition: Edition, request_id: str
    ) -> tuple[LetterSpec, Sequence[str]]:
        """What the request's jobs share, and its channels."""
        template = edition.template
        category = check_letter(request, template, renderer=self.renderer)
        plan = plan_of(category, template, named=request.channels, routes=self.site.current(fresh=True).routes)
        letter = LetterSpec(
            template=template.key,
            template_version=template.version,
            layout=edition.layout,
            category=category,
            lane=request.lane,
            context=request.context,
            request_id=request_id,
            accepted_at=rfc3339(self.clock()),
            expires_at=rfc3339(request.expires_at) if request.expires_at else None,
            route=plan.route,
        )
        return letter, plan.channels

    def _record_request(
        self,
        request: NotificationRequest,
        letter: LetterSpec,
        channels: Sequence[str],
        *,
        caller: str,
        replayed: Callable[[], object],
    ) -> StoredRequest:
        at, due = self.clock(), request.send_at
        send_at = rfc3339(due) if due else None
        since = max(at, due) if due else at
        asked = StoredRequest(
            id=letter.request_id,
            created_at=letter.accepted_at,
            caller=caller,
            body_hash=request.fingerprint(),
            letter=kept(letter),
            channels=channels,
            recipients=[recipient.given() for recipient in request.recipients],
            send_at=send_at,
            due_at=send_at if due and due - at > timedelta(seconds=MAX_DELAY_SECONDS) else None,
            expires_at_epoch=int((since + timedelta(days=self.retention_days)).timestamp()),
            spots=True,
        )
        known = record_request(asked)
        if known is None:
            return asked
        replayed()
        return _same(known, request)

    def _record_notifications(self, stored: StoredRequest) -> None:
        record_notifications(
            recalled(LetterSpec, stored.letter),
            recipients_of(stored).items(),
            channels=stored.channels,
            send_at=stored.send_at,
            expires_at_epoch=stored.expires_at_epoch,
            owner=self.owner,
            spots=spots_of_request(stored),
        )

    def _delay_seconds(self, stored: StoredRequest) -> int:
        if stored.send_at is None:
            return 0
        wait = parse_rfc3339(stored.send_at) - self.clock()
        return min(MAX_DELAY_SECONDS, max(0, ceil(wait.total_seconds())))


def _same(known: StoredRequest, request: NotificationRequest) -> StoredRequest:
    if known.body_hash != request.fingerprint():
        raise ConflictError(Phrase("this Idempotency-Key was used for another body: use a new key for a new request"))
    return known
