"""Renders, claims, sends and records: the only stage that calls a provider.

The order is what makes "once" hold: render first, so that a bad letter costs no claim; claim by a
conditional write, so that of many workers one calls; call with the provider's own retries off; record only as the
claim's owner. Refusals that come in a row are doubted, so that a fault of ours does not end a whole campaign: the
first MOST_IN_A_ROW are believed, the letters of the others wait (ADR 0059).
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from chalicelib.channels.port import AttachedFile, Channel, Outcome, SlowToStart, Verdict
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryStatus
from chalicelib.errors import NotFoundError, UnavailableError
from chalicelib.flow.throttle import CallReport, Throttle
from chalicelib.isolation import each, together
from chalicelib.manifest import CHANNELS
from chalicelib.observability import Line, Work, logger
from chalicelib.pipeline.claims import Claims
from chalicelib.pipeline.compose import Composer, Letter
from chalicelib.pipeline.fallback import Delivered, Fallback
from chalicelib.pipeline.file_cache import AttachedFiles
from chalicelib.pipeline.jobs import DeliverJob, read_chunk, require_all
from chalicelib.pipeline.pre_send_check import PreSendCheck
from chalicelib.pipeline.retry import Retries
from chalicelib.reasons import Reason
from chalicelib.storage.short_links import ShortLinks

if TYPE_CHECKING:
    from chalicelib.pipeline.campaign_port import CampaignPort

_FILES_AWAY_SECONDS = 60.0  # until the bucket of attachments is asked again
# These concern one reader's device or choice, however many come in a row.
_OF_THE_READER = frozenset({Reason.NO_ENDPOINT, Reason.DEVICE_GONE, Reason.OPTED_OUT_AT_PROVIDER})


class Deliver(Composed):
    """Sends chunks of letters."""

    attached: AttachedFiles
    composer: Composer
    pre_send_check: PreSendCheck
    claims: Claims
    fallback: Fallback
    links: ShortLinks
    channels: Mapping[str, Channel]
    throttles: Mapping[str, Throttle]
    campaigns: "CampaignPort"
    retries: Retries
    clock: Clock

    def deliver(self, job: DeliverJob) -> Delivered:
        """Sends each recipient's letter at most once, whatever is repeated. Raises: UnavailableError (retryable, before
        or after a send: what was claimed is never sent again by it)."""
        result = Delivered()
        if job.letter.is_over(self.clock()):
            self.fallback.close_all(job, job.recipients, Reason.EXPIRED, result)
            return result
        if job.letter.run_id is not None and not self.campaigns.admits(job):
            result.counts["held"] += len(job.recipients)
            return result
        lines_left = partial(self.pre_send_check.lines_left, result=result)
        for left in each(lines_left, [job], alone=partial(self._spoil_all, result=result)):
            files = self._files(left, result) if left is not None else None
            if left is not None and files is not None:
                self._send_through_gate(left, self._compose(left, files, result), result)
        return result

    def _files(self, job: DeliverJob, result: Delivered) -> Sequence[AttachedFile] | None:
        """What its letters carry; None: there are no letters. While the files cannot be had, the job waits untried."""
        if not (job.letter.attachments and CHANNELS[job.channel].attaches):
            return ()
        try:
            return self.attached.read(job.letter.attachments)
        except NotFoundError as error:
            logger().warning("an attachment is gone", request=job.letter.request_id, attachment=error.detail)
            self.fallback.close(job, job.recipients, DeliveryStatus.FAILED, Reason.ATTACHMENT_GONE, result)
        except UnavailableError as error:
            logger().warning("attachments cannot be read", request=job.letter.request_id, why=error.detail)
            self.retries.later(job, in_seconds=_FILES_AWAY_SECONDS)
            result.counts["held"] += len(job.recipients)
        return None

    def _compose(self, job: DeliverJob, files: Sequence[AttachedFile], result: Delivered) -> Sequence[Letter]:
        letters, spoiled = self.composer.compose(job, files)
        for one in spoiled:
            status = DeliveryStatus.SKIPPED if one.reason == Reason.NOTHING_TO_SAY else DeliveryStatus.FAILED
            self.fallback.close(job, [one.recipient], status, one.reason, result, rule=one.place)
        return letters

    def _send_through_gate(self, job: DeliverJob, letters: Sequence[Letter], result: Delivered) -> None:
        """In batches, as fast as the throttle allows; what it holds back is put aside untried."""
        channel, throttle = self.channels[job.channel], self.throttles[job.channel]
        left = list(letters)
        if left and isinstance(channel, SlowToStart):
            channel.warm()
        while left:
            allowed = throttle.enter(min(len(left), channel.batch_size), lane=job.letter.lane)
            if not allowed.units:
                held = [letter.recipient for letter in left]
                self.retries.later(job.only(held), in_seconds=allowed.come_back_seconds)
                result.counts["held"] += len(held)
                return
            batch, left = left[: allowed.units], left[allowed.units :]
            outcomes = self._send(job, channel, batch, result)
            throttle.learn([_report(outcome, job.channel) for outcome in outcomes], lane=job.letter.lane)

    def _send(
        self, job: DeliverJob, channel: Channel, letters: Sequence[Letter], result: Delivered
    ) -> Sequence[Outcome]:
        wanted: list[Letter] = []

        def look(some: Sequence[Letter]) -> None:
            found = self.pre_send_check.still_wanted(job, some, result)
            self.links.write([link for letter in found for link in letter.links])
            wanted.extend(found)

        together(look, letters, alone=lambda one, error: self.fallback.spoil(job, one.recipient, error, result))
        once = list({letter.key: letter for letter in wanted}.values())  # a job may name somebody twice
        claim = self.claims.take(job, once, result)
        outcomes: Sequence[Outcome] = []
        if claim.letters:
            outcomes = self._weighed(job, channel.send([letter.message for letter in claim.letters]))
            self.claims.record(job, claim, outcomes, result)
        self.claims.look_after_others(job, once, claim)
        return outcomes

    def _weighed(self, job: DeliverJob, outcomes: Sequence[Outcome]) -> Sequence[Outcome]:
        """The outcomes of a call, with refusals that are not believed as *not accepted*. Never fails: the call was
        made."""
        refusals = [outcome for outcome in outcomes if _is_refusal(outcome)]
        accepted = sum(outcome.verdict is Verdict.ACCEPTED for outcome in outcomes)
        if not (refusals or accepted) or not CHANNELS[job.channel].one_provider:
            return outcomes
        try:
            left = self._believed(job, refusals, accepted)
        except UnavailableError:
            logger().warning("refusals were not counted", channel=job.channel)
            return outcomes
        return _but_for(outcomes, left, of_all=job.letter.run_id is None)

    def _believed(self, job: DeliverJob, refusals: Sequence[Outcome], accepted: int) -> int:
        if job.letter.run_id is None:
            return self.throttles[job.channel].believed(refused=len(refusals), accepted=accepted)
        said = next((one.said or one.reason or "" for one in refusals), "")
        return self.campaigns.believed(job, refused=len(refusals), accepted=accepted, said=said)

    def _spoil_all(self, job: DeliverJob, error: Exception, result: Delivered) -> None:
        for recipient in job.recipients:
            self.fallback.spoil(job, recipient, error, result)


def _report(outcome: Outcome, channel: str) -> CallReport:
    """What an outcome says about the provider: an accepted or refused letter says that it is well, as does an
    unexplained refusal, and a doubted one of a run. One of many servers says nothing about the others."""
    if outcome.verdict in (Verdict.ACCEPTED, Verdict.REFUSED) or not CHANNELS[channel].one_provider:
        return CallReport()
    if outcome.reason == Reason.THROTTLED:
        return CallReport(slow_down=True)
    if outcome.reason == Reason.UNCLEAR or (outcome.reason == Reason.REFUSED_IN_A_ROW and not outcome.ours):
        return CallReport()
    failure = f"{outcome.reason}: {outcome.said}" if outcome.said else outcome.reason
    return CallReport(failure=failure, at_once=outcome.ours, quota_used_up=outcome.reason == Reason.DAILY_QUOTA)


def _but_for(outcomes: Sequence[Outcome], believed: int, *, of_all: bool) -> Sequence[Outcome]:
    weighed = []
    for outcome in outcomes:
        if _is_refusal(outcome):
            believed -= 1
            if believed < 0:
                outcome = Outcome(Verdict.NOT_ACCEPTED, reason=Reason.REFUSED_IN_A_ROW, said=outcome.said, ours=of_all)
        weighed.append(outcome)
    return weighed


def _is_refusal(outcome: Outcome) -> bool:
    return outcome.reason == Reason.UNCLEAR or (
        outcome.verdict is Verdict.REFUSED and outcome.reason not in _OF_THE_READER
    )


def deliver_work(deliver: Deliver) -> Work:
    """The work of `functions/deliver.py`."""

    def work(body: str) -> Line:
        job, unreadable = read_chunk(DeliverJob, body)
        done = deliver.deliver(job)
        require_all(unreadable)
        ids = [r.notification_id for r in job.recipients]
        seconds, alone = done.seconds_since_accepted, job.letter.run_id is None
        return Line(ids=ids, counts=+done.counts, seconds=seconds, counted=alone)

    return work
