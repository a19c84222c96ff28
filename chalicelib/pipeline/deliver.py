"""Renders, claims, sends and records: the only stage that calls a provider. Called by `functions/deliver.py`.

The order is what makes "once" hold (design §3): render first, so that a bad letter costs no claim; claim by a
conditional write, so that of many workers one calls; call with the provider's own retries off; record only as the
claim's owner.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from chalicelib.categories import CATEGORIES
from chalicelib.channels.base import DAILY_QUOTA, THROTTLED, Channel, Message, Outcome, SlowToStart, Verdict
from chalicelib.channels.registry import CHANNELS
from chalicelib.clock import Clock, new_id, parse_rfc3339
from chalicelib.control.gate import Gate, Report
from chalicelib.errors import RenderError
from chalicelib.pipeline.campaign_port import CampaignPort
from chalicelib.pipeline.caps import CAPPED, Caps
from chalicelib.pipeline.consent import Addressee, ConsentDesk
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, EnrichJob, EnrichRecipient
from chalicelib.pipeline.ledger import DeliveryKey, Ledger, Move, Refusal
from chalicelib.pipeline.letter_links import LetterLinkMaker
from chalicelib.pipeline.links import Link, LinkBook
from chalicelib.pipeline.retry import Retries
from chalicelib.pipeline.statuses import DeliveryStatus
from chalicelib.pipeline.succession import Succession
from chalicelib.pipeline.tally import run_tag
from chalicelib.pipeline.waiting import EXPIRED, QUIET, waiting
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.store import TemplateStore

_MAYBE_THERE = (Verdict.ACCEPTED, Verdict.UNKNOWN)


@dataclass
class Delivered:
    """What became of a job, for the log and the metrics."""

    counts: dict[str, int] = field(default_factory=dict)
    seconds_since_accepted: list[float] = field(default_factory=list)

    def count(self, word: str, times: int = 1) -> None:
        """Adds to one of `sent`, `failed`, `skipped`, `postponed`, `dropped`, `retried`, `unknown`."""
        if times:
            self.counts[word] = self.counts.get(word, 0) + times


@dataclass(frozen=True)
class _Letter:
    """A recipient with the rendered message."""

    recipient: DeliverRecipient
    key: DeliveryKey
    message: Message
    links: Sequence[Link]


class Deliver:
    """The sender of one stage."""

    def __init__(
        self,
        *,
        templates: TemplateStore,
        renderer: Renderer,
        channels: Mapping[str, Channel],
        gates: Mapping[str, Gate],
        consent: ConsentDesk,
        link_maker: LetterLinkMaker,
        links: LinkBook,
        ledger: Ledger,
        retries: Retries,
        campaigns: CampaignPort,
        caps: Caps,
        clock: Clock,
        lease_seconds: int,
        reconcile_seconds: int,
        max_attempts: int,
    ) -> None:
        self._templates = templates
        self._renderer = renderer
        self._channels = channels
        self._gates = gates
        self._consent = consent
        self._link_maker = link_maker
        self._links = links
        self._ledger = ledger
        self._retries = retries
        self._campaigns = campaigns
        self._caps = caps
        self._succession = Succession(ledger=ledger, retries=retries, clock=clock)
        self._clock = clock
        self._lease = timedelta(seconds=lease_seconds)
        self._grace = timedelta(seconds=reconcile_seconds)
        self._max_attempts = max_attempts

    def deliver(self, job: DeliverJob) -> Delivered:
        """Sends each recipient's letter at most once, whatever is repeated. Raises: UnavailableError (retryable, before
        or after a send: what was claimed is never sent again by it)."""
        result = Delivered()
        if job.letter.is_over(self._clock()):
            for channel in (job.channel, *job.then):
                over = job.model_copy(update={"channel": channel, "then": ()})
                self._close(over, job.recipients, DeliveryStatus.SKIPPED, EXPIRED, result)
            return result
        if job.letter.run_id is not None and not self._campaigns.admits(job):
            result.count("held", len(job.recipients))
            return result
        letters = self._render(job, result)
        self._send_through_gate(job, letters, result)
        return result

    def _send_through_gate(self, job: DeliverJob, letters: Sequence[_Letter], result: Delivered) -> None:
        """In batches, as fast as the gate lets them; what it holds back is put aside untried."""
        channel, gate = self._channels[job.channel], self._gates[job.channel]
        left = list(letters)
        if left and isinstance(channel, SlowToStart):
            channel.warm()
        while left:
            allowed = gate.enter(min(len(left), channel.batch_size), lane=job.letter.lane)
            if not allowed.units:
                held = [letter.recipient for letter in left]
                self._retries.later(_only(job, held), in_seconds=allowed.come_back_seconds)
                result.count("held", len(held))
                return
            batch, left = left[: allowed.units], left[allowed.units :]
            outcomes = self._send(job, channel, batch, result)
            gate.learn([_report(outcome, job.channel) for outcome in outcomes], lane=job.letter.lane)

    def _render(self, job: DeliverJob, result: Delivered) -> list[_Letter]:
        template = self._templates.get(job.letter.template, job.letter.template_version)
        links_of = self._link_maker.of(job.letter, channel=job.channel)
        letters = []
        for recipient in job.recipients:
            key = DeliveryKey(recipient.notification_id, job.channel)
            links = links_of.make(recipient)
            try:
                rendered = self._renderer.render(
                    template,
                    channel=job.channel,
                    locale=template.choose_locale(recipient.locale, job.letter.locale),
                    context={**job.letter.context, **(recipient.context or {})},
                    user=recipient.user,
                    service=links.service,
                    links=links.links,
                    shorten=links.shorten,
                )
            except RenderError as error:
                self._close(job, [recipient], DeliveryStatus.FAILED, error.reason, result)
                continue
            message = Message(
                delivery_id=key.id,
                address=recipient.address,
                parts=rendered.parts,
                headers=links.headers,
                tags=_tags(job, key),
            )
            letters.append(_Letter(recipient, key, message, links.used_in(rendered.parts)))
        return letters

    def _send(
        self, job: DeliverJob, channel: Channel, letters: Sequence[_Letter], result: Delivered
    ) -> Sequence[Outcome]:
        owner = new_id()
        letters = self._still_wanted(job, letters, result)
        self._links.write([link for letter in letters for link in letter.links])
        claimed = self._claim(job, letters, owner, result)
        if not claimed:
            return []
        outcomes = channel.send([letter.message for letter in claimed])
        self._record(job, list(zip(claimed, outcomes, strict=True)), owner, result)
        return outcomes

    def _still_wanted(self, job: DeliverJob, letters: Sequence[_Letter], result: Delivered) -> list[_Letter]:
        """Those that nothing has come to stand against since they were queued; one read."""
        category = job.letter.category
        if CATEGORIES[category].transactional:
            return list(letters)
        people = {job.channel: [_addressee(letter.recipient) for letter in letters]}
        consent = self._consent.ask(category, people)[job.channel]
        for letter in letters:
            reason = consent.skips.get(letter.recipient.notification_id)
            if reason is not None:
                self._close(job, [letter.recipient], DeliveryStatus.SKIPPED, reason, result)
        for until in sorted(set(consent.waits.values())):
            late = [n for n, moment in consent.waits.items() if moment == until]
            if job.letter.is_over(until):
                over = [letter.recipient for letter in letters if letter.recipient.notification_id in late]
                self._close(job, over, DeliveryStatus.SKIPPED, EXPIRED, result)
                continue
            self._ledger.move(waiting(job.letter, late, [job.channel], QUIET, until))
            self._retries.until(_enrich_again(job, late), until)
            result.count("postponed", len(late))
        aside = {*consent.skips, *consent.waits}
        return self._uncapped(job, [one for one in letters if one.recipient.notification_id not in aside], result)

    def _uncapped(self, job: DeliverJob, letters: list[_Letter], result: Delivered) -> list[_Letter]:
        """Those who have not had enough letters of this category; each counts from here on."""
        users = {one.recipient.notification_id: one.recipient.user_id for one in letters}
        enough = self._caps.take(job.letter.category, {one: user for one, user in users.items() if user})
        over = [one.recipient for one in letters if one.recipient.notification_id in enough.notification_ids]
        for channel in (job.channel, *job.then) if over else ():
            capped = job.model_copy(update={"channel": channel, "then": ()})
            self._close(capped, over, DeliveryStatus.SKIPPED, CAPPED, result, rule=enough.rule)
        return [one for one in letters if one.recipient.notification_id not in enough.notification_ids]

    def _claim(self, job: DeliverJob, letters: Sequence[_Letter], owner: str, result: Delivered) -> list[_Letter]:
        lease_until = self._clock() + self._lease
        refused = self._ledger.move(
            [
                Move(
                    letter.key,
                    DeliveryStatus.CALLING,
                    owner=owner,
                    lease_until=lease_until,
                    attempt=job.attempt,
                    rule=job.letter.rule,
                    request_id=job.letter.request_id,
                    run_id=job.letter.run_id,
                )
                for letter in letters
            ]
        )
        result.count("dropped", len(refused))
        self._look_after_stale(job, letters, refused)
        return [letter for letter in letters if letter.key not in refused]

    def _look_after_stale(
        self, job: DeliverJob, letters: Sequence[_Letter], refused: Mapping[DeliveryKey, Refusal]
    ) -> None:
        # Whoever holds these claims may be dead, and this message may be the last one that knows of them.
        stale = [
            letter.recipient
            for letter in letters
            if letter.key in refused and refused[letter.key].status is DeliveryStatus.CALLING
        ]
        if stale:
            self._reconcile_later(job, stale)

    def _record(
        self, job: DeliverJob, results: Sequence[tuple[_Letter, Outcome]], owner: str, result: Delivered
    ) -> None:
        moves, again, exhausted, unknown, refused = [], [], [], [], []
        for letter, outcome in results:
            status: DeliveryStatus | None = None
            if outcome.verdict is Verdict.ACCEPTED:
                status = DeliveryStatus.SENT
            elif outcome.verdict is Verdict.REFUSED:
                status = DeliveryStatus.FAILED
                refused.append(letter.recipient)
            elif outcome.verdict is Verdict.UNKNOWN:
                unknown.append(letter.recipient)
            elif job.attempt < self._max_attempts:
                status = DeliveryStatus.QUEUED
                again.append(letter.recipient)
            else:
                status = DeliveryStatus.FAILED
                exhausted.append(letter.recipient)
            result.count("unknown" if status is None else status.value)
            if status is not None:
                moves.append(
                    Move(
                        letter.key,
                        status,
                        reason=outcome.reason,
                        owner=owner,
                        provider_id=outcome.provider_id,
                        run_id=job.letter.run_id,
                    )
                )
        # Before the record: whatever dies between the two, the channels that follow are asked about twice, not never.
        maybe_there = [one.recipient for one, outcome in results if outcome.verdict in _MAYBE_THERE]
        self._succession.after(job, in_vain=[*refused, *exhausted], maybe_there=maybe_there)
        self._ledger.move(moves)
        if any(outcome.verdict is Verdict.ACCEPTED for _, outcome in results):
            result.seconds_since_accepted.append(self._age_seconds(job))
        if again:
            self._retries.again(_only(job, again))
        if exhausted:
            self._retries.bury(_only(job, exhausted))
        if unknown:
            self._reconcile_later(job, unknown)

    def _close(
        self,
        job: DeliverJob,
        recipients: Sequence[DeliverRecipient],
        status: DeliveryStatus,
        reason: str,
        result: Delivered,
        *,
        rule: str | None = None,
    ) -> None:
        self._succession.after(job, in_vain=recipients)
        refused = self._ledger.move(
            [
                Move(
                    DeliveryKey(r.notification_id, job.channel),
                    status,
                    reason=reason,
                    rule=rule or job.letter.rule,
                    request_id=job.letter.request_id,
                    run_id=job.letter.run_id,
                    unclaimed=True,
                )
                for r in recipients
            ]
        )
        result.count(status.value, len(recipients) - len(refused))
        result.count("dropped", len(refused))

    def _reconcile_later(self, job: DeliverJob, recipients: Sequence[DeliverRecipient]) -> None:
        self._retries.reconcile(_only(job, recipients), in_seconds=(self._lease + self._grace).total_seconds())

    def _age_seconds(self, job: DeliverJob) -> float:
        return (self._clock() - parse_rfc3339(job.letter.accepted_at)).total_seconds()


def _report(outcome: Outcome, channel: str) -> Report:
    """What an outcome says of the provider: an accepted or refused letter says that it is well. One of many servers
    says nothing of the others."""
    if outcome.verdict in (Verdict.ACCEPTED, Verdict.REFUSED) or not CHANNELS[channel].one_provider:
        return Report()
    if outcome.reason == THROTTLED:
        return Report(slow_down=True)
    return Report(failure=outcome.reason, quota_used_up=outcome.reason == DAILY_QUOTA)


def _addressee(recipient: DeliverRecipient) -> Addressee:
    return Addressee(
        notification_id=recipient.notification_id,
        user_id=recipient.user_id,
        address=recipient.address,
        zone=recipient.user.get("timezone"),
    )


def _enrich_again(job: DeliverJob, notification_ids: Sequence[str]) -> EnrichJob:
    # Back to `enrich`: after hours of waiting, what is known of the user is to be read again. Only users have
    # preferences to wait for, so that an id says it all.
    recipients = tuple(
        EnrichRecipient(notification_id=r.notification_id, user_id=r.user_id)
        for r in job.recipients
        if r.notification_id in notification_ids
    )
    return EnrichJob(letter=job.letter, channels=(job.channel, *job.then), recipients=recipients, again=True)


def _only(job: DeliverJob, recipients: Sequence[DeliverRecipient]) -> DeliverJob:
    return job.model_copy(update={"recipients": tuple(recipients)})


def _tags(job: DeliverJob, key: DeliveryKey) -> dict[str, Any]:
    tags = {"delivery": key.id, "template": job.letter.template, "category": job.letter.category}
    if job.letter.campaign_id:
        tags["campaign"] = job.letter.campaign_id
    if job.letter.run_id:
        tags["run"] = run_tag(job.letter.run_id)
    return tags
