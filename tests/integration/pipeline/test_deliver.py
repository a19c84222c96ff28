"""Delivering on moto, with a channel that answers as it is told: what each verdict becomes, and what repeats do."""

import json
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.channels.port import Message, Outcome, Verdict
from chalicelib.clock import new_id, now, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import UnavailableError
from chalicelib.pipeline.deliver import Deliver
from chalicelib.pipeline.jobs import DeliverJob, DeliverRecipient, LetterSpec, read_job
from chalicelib.pipeline.reconcile import Reconcile
from chalicelib.pipeline.retry import Retries, RetryJob
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.storage.deliveries import Delivery
from tests.integration.conftest import Pump
from tests.integration.faults import unreachable
from tests.ledgers import every_delivery, heard, stored, writes_meet
from tests.processes import compose

PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}
SENT = Outcome(Verdict.ACCEPTED, provider_id="ses-1")
THROTTLED = Outcome(Verdict.NOT_ACCEPTED, reason="throttled")
LOST = Outcome(Verdict.UNKNOWN, reason="reply_lost")
REJECTED = Outcome(Verdict.REFUSED, reason="rejected", said="MessageRejected: no")


class ToldChannel:
    """A channel whose answers are told beforehand; when they run out it accepts. It keeps what it was given."""

    name = "email"
    batch_size = 50

    def __init__(self) -> None:
        self.answers: list[Outcome] = []
        self.given: list[Message] = []

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.given += messages
        return [self.answers.pop(0) if self.answers else SENT for _ in messages]


@pytest.fixture
def channel(pump: Pump, monkeypatch: pytest.MonkeyPatch) -> ToldChannel:
    """In the place of SES in everything that is wired; nobody waits for its rate."""
    Stage.own().limiter.set_rate("ses.instant", 1_000)
    told = ToldChannel()
    compose(channels={"email": told})
    return told


def job(count: int = 1, *, attempt: int = 1, context: Mapping[str, Any] = PROMO, **letter: Any) -> DeliverJob:
    spec: dict[str, Any] = {
        "template": "promo",
        "template_version": 0,
        "category": "marketing",
        "lane": "instant",
        "context": dict(context),
        "request_id": new_id(),
        "accepted_at": rfc3339(now()),
    }
    recipients = [
        DeliverRecipient(notification_id=new_id(), address=f"u{n}@example.com", locale="en", user={"name": f"U{n}"})
        for n in range(count)
    ]
    letter_spec = LetterSpec.model_validate({**spec, **letter})
    return DeliverJob(letter=letter_spec, channel="email", recipients=tuple(recipients), attempt=attempt)


def deliver(one: DeliverJob) -> dict[str, int]:
    return +Stage.own().deliver.deliver(one).counts


def deliveries(one: DeliverJob) -> list[Delivery]:
    return [stored(r.notification_id) for r in one.recipients]


def states(one: DeliverJob) -> list[tuple[str, str | None]]:
    return [(found.status, found.reason) for found in deliveries(one)]


def put_aside() -> list[RetryJob]:
    """Everything in the queue `retry`, delayed or not."""
    from moto.core.models import DEFAULT_ACCOUNT_ID
    from moto.sqs.models import sqs_backends

    queue = sqs_backends[DEFAULT_ACCOUNT_ID]["eu-central-1"].queues[settings().resource("retry")]
    return [read_job(RetryJob, message.body) for message in queue._messages]


# ---------------------------------------------------------------- verdicts


def test_an_accepted_letter_is_sent(channel: ToldChannel) -> None:
    one = job()

    assert deliver(one) == {"sent": 1}

    [found] = deliveries(one)
    assert (found.status, found.provider_id, found.attempt) == ("sent", "ses-1", 1)
    assert put_aside() == []


def test_a_letter_carries_the_tags_that_bring_its_events_back(channel: ToldChannel) -> None:
    one = job(campaign_id="c-1")
    deliver(one)

    [message] = channel.given
    key = f"{one.recipients[0].notification_id}_email"
    assert message.delivery_id == key
    assert message.tags.items() >= {"delivery": key, "template": "promo", "category": "marketing"}.items()
    assert message.tags["campaign"] == "c-1"


def test_a_refused_letter_has_failed_for_good(channel: ToldChannel) -> None:
    channel.answers = [Outcome(Verdict.REFUSED, reason="rejected")]
    one = job()

    deliver(one)

    assert states(one) == [("failed", "rejected")]
    assert put_aside() == []


def test_a_letter_that_was_not_taken_waits_for_its_next_attempt(channel: ToldChannel) -> None:
    channel.answers = [THROTTLED]
    one = job()

    deliver(one)

    assert states(one) == [("queued", "throttled")]
    [aside] = put_aside()
    assert (aside.kind, read_job(DeliverJob, aside.body).attempt) == ("forward", 2)


def test_when_the_attempts_are_used_up_the_letter_has_failed_and_a_copy_lies_in_the_dlq(
    channel: ToldChannel, pump: Pump
) -> None:
    channel.answers = [THROTTLED]
    one = job(attempt=settings().max_attempts)

    deliver(one)

    assert states(one) == [("failed", "throttled")]
    assert put_aside() == []
    assert [read_job(DeliverJob, body) for body in pump.bodies("deliver-email-dlq")] == [one]


def test_a_letter_of_which_nothing_is_known_stays_claimed_and_is_looked_at_later(channel: ToldChannel) -> None:
    channel.answers = [LOST]
    one = job()

    deliver(one)

    assert states(one) == [("calling", None)]
    assert [aside.kind for aside in put_aside()] == ["reconcile"]


def test_of_a_chunk_each_letter_has_its_own_fate(channel: ToldChannel) -> None:
    channel.answers = [SENT, THROTTLED, LOST, Outcome(Verdict.REFUSED, reason="rejected"), SENT]
    one = job(5, lane="bulk")

    deliver(one)

    assert [state for state, _ in states(one)] == ["sent", "queued", "calling", "failed", "sent"]
    ids = [r.notification_id for r in one.recipients]
    found = {
        aside.kind: [r.notification_id for r in read_job(DeliverJob, aside.body).recipients] for aside in put_aside()
    }
    assert found == {"forward": [ids[1]], "reconcile": [ids[2]]}


# ---------------------------------------------------------------- rendering


def test_an_undefined_variable_fails_the_letter_and_is_named(channel: ToldChannel) -> None:
    one = job(context={"headline": "x", "text": "x"})

    deliver(one)

    [(status, reason)] = states(one)
    assert status == "failed"
    assert "url" in str(reason)
    assert channel.given == []


@pytest.mark.parametrize("end", ["\r\n", "\u2028", "\x85"])
def test_a_line_break_in_a_subject_is_sent_as_a_space(channel: ToldChannel, end: str) -> None:
    """Promise E1: a line end in a variable of the subject fails no letter and adds no header."""
    one = job(context={**PROMO, "headline": f"Tonight{end}Bcc: victim@example.com"})

    deliver(one)

    assert channel.given[0].parts["subject"] == "Tonight Bcc: victim@example.com"


def test_a_letter_with_nothing_to_say_is_skipped(channel: ToldChannel) -> None:
    """Promise E7: no films of the week, no letter about them."""
    one = job(template="weekly-digest", context={"films": []})

    assert deliver(one) == {"skipped": 1}
    assert states(one) == [("skipped", "nothing_to_say")]
    assert channel.given == []


def test_a_letter_that_cannot_be_rendered_stops_no_other(channel: ToldChannel) -> None:
    one = job(3, lane="bulk")
    broken = one.recipients[1].model_copy(update={"context": {"headline": " \n "}})
    one = one.model_copy(update={"recipients": (one.recipients[0], broken, one.recipients[2])})

    assert deliver(one) == {"failed": 1, "sent": 2}

    assert [message.address for message in channel.given] == ["u0@example.com", "u2@example.com"]


def test_what_one_recipients_data_raises_fails_that_letter_alone_and_the_line_is_kept(channel: ToldChannel) -> None:
    sources = {"email.subject": "A", "email.html": "<p>a</p>\n<p>{{ 'long text'|truncate(user.attributes.n) }}</p>"}
    draft = {"category": "marketing", "channels": ["email"], "default_locale": "en", "locales": {"en": sources}}
    sample = {"user": {"attributes": {"n": 5}}}
    Stage.own().template_changes.add("cut", {**draft, "sample": sample}, by="anna")
    one = job(8, template="cut", template_version=1, context={})
    people = [
        one.recipients[n].model_copy(update={"user": {"attributes": {"n": 2 if n == 3 else 5}}}) for n in range(8)
    ]

    assert deliver(one.model_copy(update={"recipients": tuple(people)})) == {"failed": 1, "sent": 7}

    assert states(one)[3] == ("failed", "template_error")
    assert deliveries(one)[3].timeline[-1]["rule"] == "en/email.html, line 2"


def test_an_expired_letter_is_not_sent(channel: ToldChannel) -> None:
    one = job(expires_at=rfc3339(now() - timedelta(seconds=1)))

    deliver(one)

    assert (states(one), channel.given) == ([("skipped", "expired")], [])


# ---------------------------------------------------------------- repeats


@pytest.mark.parametrize("answer", [SENT, LOST, Outcome(Verdict.REFUSED, reason="rejected")])
def test_a_repeated_message_sends_nothing_again(channel: ToldChannel, answer: Outcome) -> None:
    channel.answers = [answer]
    one = job()
    deliver(one)
    before = states(one)

    assert deliver(one) == {"dropped": 1}

    assert (len(channel.given), states(one)) == (1, before)


def test_a_repeated_message_that_expired_meanwhile_does_not_unsend_the_letter(channel: ToldChannel) -> None:
    one = job()
    deliver(one)
    late = one.model_copy(update={"letter": one.letter.model_copy(update={"expires_at": rfc3339(now())})})

    assert deliver(late) == {"dropped": 1}
    assert states(one) == [("sent", None)]


def test_who_is_named_twice_in_a_job_gets_one_letter(channel: ToldChannel) -> None:
    one = job(3, lane="bulk")

    assert deliver(one.only([*one.recipients, one.recipients[0]])) == {"sent": 3}
    assert len(channel.given) == 3


def test_a_chunk_is_sent_before_the_claims_of_others_are_looked_after(channel: ToldChannel) -> None:
    """Else a queue that does not answer would leave letters claimed that nobody has tried to send."""
    channel.answers = [LOST]
    one = job(2, lane="bulk")
    deliver(one.only(one.recipients[:1]))
    events = Stage.own().sqs.meta.events
    events.register_first("before-send.sqs.*", unreachable)

    with pytest.raises(UnavailableError):
        deliver(one)

    events.unregister("before-send.sqs.*", unreachable)
    assert [status for status, _ in states(one)] == ["calling", "sent"]


def test_of_a_repeated_chunk_only_the_rest_is_sent(channel: ToldChannel) -> None:
    one = job(3, lane="bulk")
    deliver(one.model_copy(update={"recipients": one.recipients[:1]}))

    assert deliver(one) == {"dropped": 1, "sent": 2}
    assert len(channel.given) == 3


def test_a_cancelled_letter_is_dropped(channel: ToldChannel) -> None:
    one = job()
    Stage.own().ledger.move([Move(DeliveryKey(one.recipients[0].notification_id, "email"), DeliveryStatus.CANCELLED)])

    assert deliver(one) == {"dropped": 1}
    assert channel.given == []


def test_a_claim_whose_owner_may_be_dead_is_looked_at_later(channel: ToldChannel) -> None:
    one = job()
    key = DeliveryKey(one.recipients[0].notification_id, "email")
    Stage.own().ledger.move([Move(key, DeliveryStatus.CALLING, owner="dead", lease_until=now())])

    deliver(one)

    assert channel.given == []
    assert [aside.kind for aside in put_aside()] == ["reconcile"]


def test_a_database_that_dies_after_the_send_makes_no_second_letter(channel: ToldChannel) -> None:
    one = job()

    class DiesAfterTheSend(ToldChannel):
        def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
            dead.enter_context(writes_meet(unreachable))
            return channel.send(messages)

    dying = DiesAfterTheSend()
    parts = vars(Stage.own().deliver) | {"channels": {"email": dying}}
    with ExitStack() as dead, pytest.raises(Exception, match="did not answer"):
        Deliver(**parts).deliver(one)

    Deliver(**parts | {"channels": {"email": channel}}).deliver(one)

    assert len(channel.given) == 1
    assert states(one) == [("calling", None)]


# ---------------------------------------------------------------- reconciling


def reconciled(one: DeliverJob, *, after: timedelta, pump: Pump) -> list[RetryJob]:
    """The reconciler looks at `one` later; what it puts aside."""
    later = Reconcile(
        ledger=Stage.own().ledger,
        retries=Stage.own().retries,
        clock=lambda: now() + after,
        reconcile_seconds=settings().reconcile_seconds,
    )
    known = len(put_aside())
    later.take(RetryJob(kind="reconcile", queue="deliver-email", body=one.model_dump_json(), not_before=rfc3339(now())))
    return put_aside()[known:]


HOUR = timedelta(hours=1)


def test_an_unknown_marketing_letter_waits_for_a_person_after_the_deadline(channel: ToldChannel, pump: Pump) -> None:
    channel.answers = [LOST]
    one = job()
    deliver(one)

    reconciled(one, after=HOUR, pump=pump)
    pump.run()

    assert (states(one), len(channel.given)) == ([("uncertain", "unconfirmed")], 1)
    waiting, _ = Stage.own().ledger.uncertain(limit=9, cursor=None)
    assert waiting == deliveries(one)


def test_an_unknown_transactional_letter_is_sent_once_more_and_only_once(channel: ToldChannel, pump: Pump) -> None:
    channel.answers = [LOST, LOST, LOST]
    one = job(category="account")
    deliver(one)

    for _ in range(3):
        reconciled(one, after=HOUR, pump=pump)
        pump.run()

    assert (states(one), len(channel.given)) == ([("uncertain", "unconfirmed")], 2)


def test_before_the_deadline_the_provider_may_still_speak(channel: ToldChannel, pump: Pump) -> None:
    channel.answers = [LOST]
    one = job(category="account")
    deliver(one)

    [aside] = reconciled(one, after=timedelta(0), pump=pump)

    assert (aside.kind, states(one)) == ("reconcile", [("calling", None)])


def test_a_letter_that_the_provider_has_confirmed_is_left_alone(channel: ToldChannel, pump: Pump) -> None:
    channel.answers = [LOST]
    one = job(category="account")
    deliver(one)
    heard(Stage.own().ledger, DeliveryKey(one.recipients[0].notification_id, "email"), DeliveryStatus.SENT)

    assert reconciled(one, after=HOUR, pump=pump) == []
    pump.run()
    assert len(channel.given) == 1


# ---------------------------------------------------------------- delays


@pytest.mark.parametrize("jitter", [0.0, 0.5, 1.0])
def test_delays_double_up_to_a_quarter_of_an_hour(stage: None, jitter: float) -> None:
    retries = Retries(queues=Stage.own().queues, clock=now, jitter=lambda: jitter, base_seconds=30)

    delays = [retries.delay_seconds(attempt) for attempt in range(1, 12)]

    assert delays == sorted(delays)
    assert delays[0] == 30 * (0.5 + jitter / 2)
    assert delays[1] == 2 * delays[0]
    assert max(delays) == 900 * (0.5 + jitter / 2)


def test_what_is_put_aside_for_longer_than_sqs_can_wait_goes_round_again(stage: None, pump: Pump) -> None:
    Stage.own().retries.later(job(), in_seconds=7200)

    [aside] = put_aside()
    assert Stage.own().reconcile.take(aside) == ("waiting", [])
    assert len(put_aside()) == 2
    assert "attempt" not in json.loads(aside.body)  # it is still the first


# ---------------------------------------------------------------- refusals in a row


def test_refusals_in_a_row_of_letters_without_a_run_open_the_switch(channel: ToldChannel) -> None:
    """Promise D7: beyond the first twenty nothing is taken for the letters' fault, whoever meets it."""
    channel.answers = [REJECTED] * 200
    jobs = [job(15) for _ in range(4)]

    for one in jobs:
        deliver(one)

    refused = [(str(found.status), found.reason) for found in every_delivery()]
    assert refused.count(("failed", "rejected")) == 20
    assert set(refused) == {("failed", "rejected"), ("queued", "refused_in_a_row")}
    switch = Stage.own().switches.read("ses")
    assert (switch.state, switch.reason) == ("open", "refused_in_a_row: MessageRejected: no")


def test_a_letter_that_is_accepted_begins_the_count_anew(channel: ToldChannel) -> None:
    for _ in range(3):
        channel.answers = [REJECTED] * 15
        deliver(job(15))
        deliver(job())

    assert Stage.own().switches.read("ses").state == "closed"


def test_a_switch_that_is_closed_before_the_repair_opens_again_at_no_letters_cost(channel: ToldChannel) -> None:
    """Promise D7: and the first letter that is accepted ends the doubt."""
    channel.answers = [REJECTED] * 26
    deliver(job(25))
    Stage.own().switches.close("ses", by="anna", reason="fixed", ramp=False)
    again = job()
    deliver(again)

    assert states(again) == [("queued", "refused_in_a_row")]
    assert Stage.own().switches.read("ses").state == "open"
    Stage.own().switches.close("ses", by="anna", reason="fixed", ramp=False)
    deliver(job())
    channel.answers = [REJECTED]
    bad = job()
    deliver(bad)
    assert states(bad) == [("failed", "rejected")]


@pytest.mark.parametrize("reason", ["no_endpoint", "device_gone", "opted_out_at_provider"])
def test_what_is_of_the_readers_own_device_is_believed_however_often(channel: ToldChannel, reason: str) -> None:
    channel.answers = [Outcome(Verdict.REFUSED, reason=reason)] * 50
    one = job(50)
    deliver(one)

    assert set(states(one)) == {("failed", reason)}
