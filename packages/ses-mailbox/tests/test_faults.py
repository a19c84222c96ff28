"""The mailbox misbehaves as asked, exactly as often as asked."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError, ConnectionClosedError

from ses_mailbox.client import MailboxClient, entry
from ses_mailbox.errors import TEXTS

REFUSALS: dict[str, tuple[str, int, str, str]] = {
    "throttle": ("TooManyRequestsException", 429, "Maximum sending rate exceeded.", "ACCOUNT_THROTTLED"),
    "daily_quota": ("TooManyRequestsException", 429, "Daily message quota exceeded.", "ACCOUNT_DAILY_QUOTA_EXCEEDED"),
    "refuse": (
        "MessageRejected",
        400,
        "The message can't be sent because it contains invalid content.",
        "MESSAGE_REJECTED",
    ),
    "server_error": ("InternalServiceErrorException", 500, TEXTS["InternalServiceErrorException"], "TRANSIENT_FAILURE"),
}


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_happens_as_many_times_as_asked_and_no_more(mailbox: MailboxClient, kind: str) -> None:
    mailbox.fault(kind=kind, times=2)
    for _ in range(2):
        with pytest.raises(ClientError) as refusal:
            mailbox.send()
        error, status = refusal.value.response["Error"], refusal.value.response["ResponseMetadata"]["HTTPStatusCode"]
        assert (error["Code"], status, error["Message"]) == REFUSALS[kind][:3]
    mailbox.send()
    assert len(mailbox.letters()) == 1
    assert [fault["fired"] for fault in mailbox.faults()] == [2]


@pytest.mark.parametrize("kind", REFUSALS)
def test_in_a_bulk_call_a_refusal_of_one_address_costs_only_its_entry(mailbox: MailboxClient, kind: str) -> None:
    mailbox.fault(kind=kind, to="petr@")
    answer = mailbox.send_bulk(entry("anna@example.com"), entry("petr@example.com"))
    assert [result["Status"] for result in answer["BulkEmailEntryResults"]] == ["SUCCESS", REFUSALS[kind][3]]
    assert [letter["to"] for letter in mailbox.letters()] == [["anna@example.com"]]


def test_in_a_bulk_call_a_refusal_of_one_address_can_cost_the_whole_call(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="throttle", to="petr@", entries=False)
    with pytest.raises(mailbox.ses.exceptions.TooManyRequestsException):
        mailbox.send_bulk(entry("anna@example.com"), entry("petr@example.com"))
    assert mailbox.letters() == []


def test_entries_are_refused_one_by_one_until_the_fault_is_spent(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="throttle", entries=True, times=2)
    answer = mailbox.send_bulk(*(entry(f"u{n}@example.com") for n in range(3)))
    statuses = [result["Status"] for result in answer["BulkEmailEntryResults"]]
    assert statuses == ["ACCOUNT_THROTTLED", "ACCOUNT_THROTTLED", "SUCCESS"]


def test_a_refusal_can_carry_a_text_of_ses(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="refuse", text="Account is paused")
    with pytest.raises(mailbox.ses.exceptions.MessageRejected, match="Account is paused"):
        mailbox.send()


def test_a_refusal_can_carry_another_code_of_ses(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="refuse", error="MailFromDomainNotVerifiedException")
    with pytest.raises(mailbox.ses.exceptions.MailFromDomainNotVerifiedException):
        mailbox.send()


def test_a_fault_for_one_address_leaves_the_others_alone(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="throttle", to="petr@")
    mailbox.send("anna@example.com")
    with pytest.raises(mailbox.ses.exceptions.TooManyRequestsException):
        mailbox.send("petr@example.com")


def test_a_dropped_reply_leaves_the_letter_accepted(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="drop_reply", times=1)
    with pytest.raises(ConnectionClosedError):
        mailbox.send()
    assert len(mailbox.letters()) == 1
    assert mailbox.stats()["outcomes"] == {"drop_reply": 1}


def test_a_reset_leaves_nothing(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="reset", times=1)
    with pytest.raises(ConnectionClosedError):
        mailbox.send()
    assert mailbox.letters() == []
    mailbox.send()


def test_a_stalled_call_is_accepted_before_it_is_answered(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="stall", seconds=2, times=1)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(mailbox.send)
        while not mailbox.letters():
            assert not call.done()
        assert call.result() == mailbox.letters()[0]["id"]


def test_many_callers_at_once_meet_a_fault_exactly_as_often_as_asked(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="throttle", times=7)

    def attempt(_: int) -> bool:
        try:
            return bool(mailbox.send())
        except ClientError:
            return False

    with ThreadPoolExecutor(8) as pool:
        sent = sum(pool.map(attempt, range(40)))
    assert (sent, len(mailbox.letters()), mailbox.faults()[0]["fired"]) == (33, 33, 7)


def test_a_fault_of_no_probability_never_fires(mailbox: MailboxClient) -> None:
    mailbox.fault(kind="throttle", probability=0)
    mailbox.send()
    assert mailbox.faults()[0]["fired"] == 0


def test_a_deleted_fault_fires_no_more(mailbox: MailboxClient) -> None:
    fault = mailbox.fault(kind="throttle")
    assert requests.delete(f"{mailbox.url}/api/faults/{fault}", timeout=10).status_code == 204
    mailbox.send()
    assert mailbox.faults() == []


def test_deleting_a_fault_that_is_not_there_says_so(mailbox: MailboxClient) -> None:
    assert requests.delete(f"{mailbox.url}/api/faults/999", timeout=10).status_code == 404


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "unheard-of"},
        {"kind": "throttle", "times": 0},
        {"kind": "throttle", "probability": 1.5},
        {"kind": "reset", "entries": True},
        {"kind": "refuse", "error": "NoSuchException"},
        {"kind": "throttle", "seconds_to_wait": 1},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(mailbox: MailboxClient, fault: dict[str, Any]) -> None:
    assert requests.post(f"{mailbox.url}/api/faults", json=fault, timeout=10).status_code == 422
