"""The account in trouble: what SES then says, word for word, and what it still takes."""

from email import message_from_bytes, policy
from email.header import Header
from typing import Any

import pytest
from botocore.exceptions import ClientError

from pretended import CONFIGURATION_SET
from ses_mailbox.client import MailboxClient, entry, simple


def refusal(mailbox: MailboxClient, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as caught:
        mailbox.send(**more)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("modes", "code", "text"),
    [
        ({"unverified": ["cinema.example"]}, "MessageRejected", "Email address is not verified."),
        ({"paused": True}, "MessageRejected", "Sending paused for this account."),
        ({"suspended": True}, "AccountSuspendedException", "permanently restricted"),
        ({"paused_sets": [CONFIGURATION_SET]}, "SendingPausedException", f"configuration set <{CONFIGURATION_SET}>"),
        ({"denied": ["SendEmail"]}, "AccessDeniedException", "is not authorized to perform `ses:SendEmail'"),
        ({"sandbox": True}, "MessageRejected", "anna@example.com"),
    ],
)
def test_trouble_of_the_account_is_told_as_ses_tells_it(
    mailbox: MailboxClient, modes: dict[str, Any], code: str, text: str
) -> None:
    mailbox.account(**modes)
    name, said = refusal(mailbox, ConfigurationSetName=CONFIGURATION_SET)
    assert name == code
    assert text in said
    assert mailbox.letters() == []


def test_in_the_sandbox_only_verified_recipients_get_letters_and_one_a_second(mailbox: MailboxClient) -> None:
    mailbox.account(sandbox=True, recipients=["anna@example.com"])
    mailbox.send(to="anna@example.com")
    assert refusal(mailbox, to="anna@example.com") == ("TooManyRequestsException", "Maximum sending rate exceeded.")
    assert mailbox.ses.get_account()["ProductionAccessEnabled"] is False


def test_of_a_bulk_call_in_the_sandbox_each_recipient_is_looked_at(mailbox: MailboxClient) -> None:
    mailbox.account(sandbox=True)
    answer = mailbox.send_bulk(entry("success@simulator.amazonses.com"), entry("petr@example.com"))
    assert [one["Status"] for one in answer["BulkEmailEntryResults"]] == ["SUCCESS", "MESSAGE_REJECTED"]
    assert "petr@example.com" in answer["BulkEmailEntryResults"][1]["Error"]


def test_a_role_that_may_send_one_letter_may_lack_the_right_to_many(mailbox: MailboxClient) -> None:
    mailbox.account(denied=["SendBulkEmail"])
    mailbox.send()
    with pytest.raises(ClientError, match="template"):
        mailbox.send_bulk(entry("anna@example.com"))


def test_a_long_senders_name_is_folded_and_its_mailing_named(mailbox: MailboxClient) -> None:
    words = Header("Онлайн-кинотеатр «Вестник»: новости, премьеры и подборки", "utf-8", maxlinelen=75).encode().split()
    tags = [{"Name": f"ses:feedback-id-{place}", "Value": value} for place, value in (("a", "c-1"), ("b", "marketing"))]
    id_ = mailbox.send(FromEmailAddress=f"{' '.join(words)} <news@cinema.example>", EmailTags=tags)
    lines = mailbox.page(f"/api/messages/{id_}/source").text.split("\r\n")

    assert len(words) > 1
    start = lines.index(f"From: {words[0]}")
    assert lines[start + 1 : start + len(words) + 1] == [*(f" {word}" for word in words[1:]), " <news@cinema.example>"]
    assert "Feedback-ID: c-1:marketing:1.us-east-1.local:AmazonSES" in lines


@pytest.mark.parametrize("name", ["ses:feedback-id-c", "a:b"])
def test_no_other_tag_has_a_colon_in_its_name(mailbox: MailboxClient, name: str) -> None:
    with pytest.raises(ClientError, match="BadRequestException"):
        mailbox.send(EmailTags=[{"Name": name, "Value": "x"}])


def test_a_letter_arrives_as_ses_makes_it(mailbox: MailboxClient) -> None:
    """Encoded words of at most 75 characters, bodies in lines of ASCII, and what SES adds."""
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
