"""Takes SES's events about letters (SNS → SQS) and records what they say of their deliveries.

Events come late, twice and in any order, which does no harm: the better informed one holds (`deliveries.py`; ADR 0052).
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime

from chalicelib.channels.providers.ses_event_types import Against, Told
from chalicelib.clock import Clock, is_of_this_century, parse_rfc3339
from chalicelib.composed import Composed
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.deliveries import DeliveryStatus, S
from chalicelib.isolation import each, is_contained, together
from chalicelib.marks import Heard, engaged, told
from chalicelib.observability import BatchWork, Line, Outcome
from chalicelib.pipeline.bot_detection import is_bot
from chalicelib.pipeline.feedback_messages import FeedbackEvent, SmsReplies, passed_over, read_event, read_reply
from chalicelib.profiles.suppressions import SuppressionList
from chalicelib.reasons import Reason, SuppressionReason
from chalicelib.states import BY_MACHINE, Engagement
from chalicelib.storage.ledger import Ledger

_VERDICTS: Mapping[Told, tuple[DeliveryStatus, str | None]] = {
    # Each only proves that SES has accepted a letter: it comes before all that follows, or too late to matter.
    # For letters that a user may opt out of SES publishes no Send (`settings.mailings_set`).
    Told.TAKEN: (S.SENT, None),
    Told.UNRENDERED: (S.FAILED, Reason.RENDERING),
    Told.REJECTED: (S.FAILED, Reason.REJECTED),
    Told.RETURNED: (S.BOUNCED, Reason.RETURNED),
    Told.DELIVERED: (S.DELIVERED, None),
    Told.BOUNCED_FOR_NOW: (S.BOUNCED, Reason.SOFT_BOUNCE),
    Told.CONTENT_REFUSED: (S.BOUNCED, Reason.CONTENT_REFUSED),
    Told.WITHHELD: (S.BOUNCED, Reason.WITHHELD),
    Told.BOUNCED_FOR_GOOD: (S.BOUNCED, Reason.HARD_BOUNCE),
    Told.COMPLAINED: (S.COMPLAINED, Reason.COMPLAINT),
}
_FOR_GOOD: Mapping[Against, SuppressionReason] = {
    Against.BOUNCE: SuppressionReason.BOUNCE,
    Against.COMPLAINT: SuppressionReason.COMPLAINT,
}


class Feedback(Composed):
    """Records events."""

    ledger: Ledger
    suppressions: SuppressionList
    site: SiteSettings
    clock: Clock

    def take(self, events: Sequence[FeedbackEvent]) -> list[Exception | None]:
        """Records a batch of events; repeated and reordered ones change nothing. Returns, in order, what kept each from
        being recorded."""
        failures: dict[int, Exception] = {}

        def fail(places: Iterable[int], error: Exception) -> None:
            failures.update((place, error) for place in places if place not in failures)

        def attempt(groups: Iterable[Sequence[int]], record: Callable[[Sequence[FeedbackEvent]], object]) -> None:
            def take(places: Sequence[int]) -> None:
                left = [place for place in places if place not in failures]
                together(lambda some: record([events[one] for one in some]), left, alone=failures.__setitem__)

            each(take, groups, alone=fail, stays=is_contained)

        attempt([[place] for place in range(len(events))], self._suppress)
        attempt([range(len(events))], self._hear)
        return [failures.get(place) for place in range(len(events))]

    def _suppress(self, events: Sequence[FeedbackEvent]) -> None:
        for event in events:
            against = event.word.against
            for address in event.addresses if against is not Against.NEVER else ():
                if against is Against.SOFTLY:
                    self._count_soft_bounce(event, address)
                else:
                    told_of = _moment(event.body.get("timestamp"))
                    self.suppressions.add(event.key.channel, address, reason=_FOR_GOOD[against], told_of=told_of)

    def _hear(self, events: Sequence[FeedbackEvent]) -> None:
        now = self.clock()
        self.ledger.hear([heard for event in events for heard in _heard(event, now=now)])

    def _count_soft_bounce(self, event: FeedbackEvent, address: str) -> None:
        limits = self.site.current().soft_bounces
        self.suppressions.soft_bounce(
            event.key.channel,
            address,
            notification_id=event.key.notification_id,
            at=_moment(event.body.get("timestamp")) or self.clock(),
            limit=limits.letters,
            within_days=limits.within_days,
            days=limits.suppress_days,
        )


_ENGAGEMENTS = {"Open": Engagement.OPENED, "Click": Engagement.CLICKED, "DeliveryDelay": Engagement.DELAYED}


def _heard(event: FeedbackEvent, *, now: datetime) -> Iterable[Heard]:
    at = _moment(event.body.get("timestamp"))
    if event.word.told in _VERDICTS:
        yield told(event.key, *_VERDICTS[event.word.told], at, now=now)._replace(provider_id=event.provider_id)
    if event.type in _ENGAGEMENTS:
        what = _ENGAGEMENTS[event.type]
        if what in BY_MACHINE and is_bot(event.body.get("userAgent"), image=what == Engagement.OPENED):
            what = BY_MACHINE[what]
        yield engaged(event.key, what, at or now)


def _moment(text: object) -> datetime | None:
    # The bounce's own time: a repeated event is then counted once.
    try:
        moment = parse_rfc3339(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment and moment.tzinfo and is_of_this_century(moment) else None


def feedback_work(feedback: Feedback, replies: SmsReplies) -> BatchWork:
    """The work of `functions/feedback.py`: the events of a batch are recorded together."""

    def work(bodies: Sequence[str]) -> list[Outcome]:
        outcomes: dict[int, Outcome] = {}
        events: dict[int, FeedbackEvent] = {}

        def read(place: int) -> None:
            body = bodies[place]
            reply = read_reply(body)
            event = read_event(body) if reply is None else None
            if reply is not None:
                outcomes[place] = Line(counts={f"sms_{replies.take(reply)}": 1})
            elif event is None:
                outcomes[place] = Line(counts={passed_over(body): 1})
            else:
                events[place] = event
                outcomes[place] = Line(ids=[event.key.notification_id], counts={event.type.lower(): 1})

        each(read, range(len(bodies)), alone=outcomes.__setitem__, stays=is_contained)
        for place, failure in zip(events, feedback.take(list(events.values())), strict=True):
            if failure is not None:
                outcomes[place] = failure
        return [outcomes[place] for place in range(len(bodies))]

    return work
