"""The account in trouble: what SES then says, word for word, and what it still takes."""

from email import message_from_bytes, policy
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.channels.port import Verdict
from chalicelib.channels.providers.ses_answers import answer_of
from tests.integration.mailbox.driver import CONFIGURATION_SET, Driver, entry, simple

SENDER = "news@cinema.example"


def refusal(mailbox: Driver, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        mailbox.send(**more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("modes", "code", "reason"),
    [
        ({"unverified": ["cinema.example"]}, "MessageRejected", "provider_not_verified"),
        ({"paused": True}, "MessageRejected", "provider_sending_paused"),
        ({"suspended": True}, "AccountSuspendedException", "provider_account_suspended"),
        ({"paused_sets": [CONFIGURATION_SET]}, "SendingPausedException", "provider_sending_paused"),
        ({"denied": ["SendEmail"]}, "AccessDeniedException", "provider_no_right"),
        ({"sandbox": True}, "MessageRejected", "provider_sandbox"),
    ],
)
def test_trouble_of_the_account_is_told_as_ses_tells_it_and_taken_for_it(
    mailbox: Driver, modes: dict[str, Any], code: str, reason: str
) -> None:
    """Promises D3, D8."""
    mailbox.account(**modes)
    name, text = refusal(mailbox, ConfigurationSetName=CONFIGURATION_SET)

    outcome = answer_of(name, text, sender=SENDER)
    assert name == code
    assert outcome is not None
    assert (outcome.verdict, outcome.reason) == (Verdict.NOT_ACCEPTED, reason)
    assert mailbox.letters() == []


def test_in_the_sandbox_only_verified_recipients_get_letters_and_one_a_second(mailbox: Driver) -> None:
    mailbox.account(sandbox=True, recipients=["anna@example.com"])
    mailbox.send(to="anna@example.com")
    assert refusal(mailbox, to="anna@example.com") == ("TooManyRequestsException", "Maximum sending rate exceeded.")
    assert mailbox.ses.get_account()["ProductionAccessEnabled"] is False


def test_of_a_bulk_call_in_the_sandbox_each_recipient_is_looked_at(mailbox: Driver) -> None:
    mailbox.account(sandbox=True)
    answer = mailbox.send_bulk(entry("success@simulator.amazonses.com"), entry("petr@example.com"))
    assert [one["Status"] for one in answer["BulkEmailEntryResults"]] == ["SUCCESS", "MESSAGE_REJECTED"]
    assert "petr@example.com" in answer["BulkEmailEntryResults"][1]["Error"]


def test_a_role_that_may_send_one_letter_may_lack_the_right_to_many(mailbox: Driver) -> None:
    mailbox.account(denied=["SendBulkEmail"])
    mailbox.send()
    with pytest.raises(ClientError, match="template"):
        mailbox.send_bulk(entry("anna@example.com"))


def test_a_letter_arrives_as_ses_makes_it(mailbox: Driver) -> None:
    """Promise D8: encoded words of at most 75 characters, bodies in lines of ASCII, and what SES adds."""
    subject = "Премьера недели: «Очень длинное название фильма, которое не помещается в строку»"
    header = {"Name": "List-Unsubscribe", "Value": f"<https://notify.cinema.example/unsubscribe/{'k' * 300}>"}
    text = "Очень длинная строка. " * 100
    id_ = mailbox.send(Content=simple(subject=subject, text=text, html=f"<p>{text}</p>", Headers=[header]))
    source = mailbox.page(f"/api/messages/{id_}/source").content

    assert source.isascii()
    head, _, body = source.partition(b"\r\n\r\n")
    assert header["Value"].encode() in head
    words = [word for line in head.split(b"\r\n") for word in line.split() if word.startswith(b"=?")]
    assert len(words) > 1
    assert max(map(len, words)) <= 75
    assert max(map(len, body.split(b"\r\n"))) <= 76 + 2
    read = message_from_bytes(source, policy=policy.default)
    assert read["Subject"] == subject
    assert read.get_content_type() == "multipart/alternative"
    assert {"Message-ID", "Date", "Feedback-ID", "X-SES-Outgoing", "DKIM-Signature", "Return-Path"} <= set(read.keys())
    parts = [part.get_content().strip() for part in read.iter_parts()]
    assert parts == [text.strip(), f"<p>{text}</p>"]
