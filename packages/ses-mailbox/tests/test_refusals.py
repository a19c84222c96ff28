"""The mailbox refuses what SES refuses, with SES's codes, and keeps nothing of it."""

from typing import Any

import pytest
from botocore.exceptions import ClientError

from ses_mailbox.client import MailboxClient, entry, simple


def _headers(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"Content": simple(Headers=[{"Name": name, "Value": value} for name, value in pairs])}


def _to(*addresses: str) -> dict[str, Any]:
    return {"Destination": {"ToAddresses": list(addresses)}}


REFUSED: dict[str, tuple[str, dict[str, Any]]] = {
    "an unverified sender": ("MessageRejected", {"FromEmailAddress": "x@other.example"}),
    "a domain that only ends alike": ("MessageRejected", {"FromEmailAddress": "x@evilcinema.example"}),
    "no sender": ("BadRequestException", {"FromEmailAddress": ""}),
    "no recipient": ("BadRequestException", {"Destination": {}}),
    "51 recipients": ("BadRequestException", _to(*(f"u{n}@example.com" for n in range(51)))),
    "51 recipients over To, Cc and Bcc": (
        "BadRequestException",
        {
            "Destination": {
                kind: [f"u{n}@example.com" for n in range(17)]
                for kind in ("ToAddresses", "CcAddresses", "BccAddresses")
            }
        },
    ),
    "an address without a domain": ("BadRequestException", _to("anna")),
    "an address with a space": ("BadRequestException", _to("an na@example.com")),
    "a broken domain": ("BadRequestException", _to("anna@exa_mple..com")),
    "an address that is not ASCII": ("BadRequestException", _to("анна@example.com")),
    "an address with a line break": ("BadRequestException", _to("anna@example.com\r\nBcc: x@example.com")),
    "an unknown configuration set": ("NotFoundException", {"ConfigurationSetName": "none"}),
    "a subject with a line break": ("BadRequestException", {"Content": simple("a\r\nBcc: x@example.com")}),
    "no body": ("BadRequestException", {"Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {}}}}),
    "no content": ("BadRequestException", {"Content": {}}),
    "two contents": ("BadRequestException", {"Content": {**simple(), "Raw": {"Data": b"From: a@b"}}}),
    "an unknown template": ("NotFoundException", {"Content": {"Template": {"TemplateName": "none"}}}),
    "template data that are not JSON": (
        "BadRequestException",
        {"Content": {"Template": {"TemplateContent": {"Subject": "x"}, "TemplateData": "{"}}},
    ),
    "a Handlebars block in an inline template": (
        "BadRequestException",
        {"Content": {"Template": {"TemplateContent": {"Subject": "{{#if a}}x{{/if}}"}, "TemplateData": "{}"}}},
    ),
    "16 headers": ("BadRequestException", _headers(*((f"X-{n}", "x") for n in range(16)))),
    "a header with a line break": ("BadRequestException", _headers(("X-A", "a\r\nBcc: x@example.com"))),
    "a header that is not ASCII": ("BadRequestException", _headers(("X-A", "привет"))),
    "a header with a colon in its name": ("BadRequestException", _headers(("X:A", "x"))),
    "a header too long": ("BadRequestException", _headers(("X-A", "x" * 996))),
    "a header that SES writes": ("BadRequestException", _headers(("bcc", "x@example.com"))),
    "the same header twice": ("BadRequestException", _headers(("X-A", "1"), ("x-a", "2"))),
    "a tag with a dot": ("BadRequestException", {"EmailTags": [{"Name": "a", "Value": "b.c"}]}),
    "a tag too long": ("BadRequestException", {"EmailTags": [{"Name": "a", "Value": "b" * 257}]}),
    "a tag without a value": ("BadRequestException", {"EmailTags": [{"Name": "a", "Value": ""}]}),
    "an unsupported member": ("BadRequestException", {"TenantName": "x"}),
    "a raw message with bad tags": (
        "BadRequestException",
        {"Content": {"Raw": {"Data": b"From: a@cinema.example\r\nX-SES-MESSAGE-TAGS: a=b.c\r\n\r\nx"}}},
    ),
    "an empty raw message": ("BadRequestException", {"Content": {"Raw": {"Data": b"\r\n"}}}),
}


@pytest.mark.parametrize(("code", "call"), REFUSED.values(), ids=REFUSED.keys())
def test_ses_refuses(mailbox: MailboxClient, code: str, call: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refusal:
        mailbox.send(**call)
    assert refusal.value.response["Error"]["Code"] == code
    assert refusal.value.response["Error"]["Message"]
    assert mailbox.letters() == []
    assert mailbox.stats()["outcomes"] == {code: 1}


def test_a_message_over_40_megabytes_is_refused(mailbox: MailboxClient) -> None:
    with pytest.raises(ClientError, match="Message length is more than 41943040 bytes"):
        mailbox.send(Content=simple(text="x" * (40 * 1024 * 1024)))


def test_a_subdomain_of_a_verified_domain_may_send(mailbox: MailboxClient) -> None:
    mailbox.send(FromEmailAddress="news@mail.cinema.example")
    assert len(mailbox.letters()) == 1


def test_51_entries_are_refused(mailbox: MailboxClient) -> None:
    with pytest.raises(ClientError) as refusal:
        mailbox.send_bulk(*(entry(f"u{n}@example.com") for n in range(51)))
    assert refusal.value.response["Error"]["Code"] == "BadRequestException"


def test_template_data_over_the_limit_are_refused(mailbox: MailboxClient) -> None:
    with pytest.raises(ClientError, match="262144"):
        mailbox.send_bulk(entry("anna@example.com", {"name": "x" * 262_144}))


def test_a_bad_address_costs_only_its_own_entry(mailbox: MailboxClient) -> None:
    answer = mailbox.send_bulk(entry("anna@example.com"), entry("broken"), entry("petr@example.com"))
    assert [result["Status"] for result in answer["BulkEmailEntryResults"]] == [
        "SUCCESS",
        "INVALID_PARAMETER",
        "SUCCESS",
    ]
    assert answer["BulkEmailEntryResults"][1]["Error"] == "Missing final '@domain'"
    assert "MessageId" not in answer["BulkEmailEntryResults"][1]
    assert len(mailbox.letters()) == 2


def test_a_name_taken_by_a_template_is_refused(mailbox: MailboxClient) -> None:
    mailbox.ses.create_email_template(TemplateName="twice", TemplateContent={"Subject": "x"})
    with pytest.raises(mailbox.ses.exceptions.AlreadyExistsException):
        mailbox.ses.create_email_template(TemplateName="twice", TemplateContent={"Subject": "x"})
