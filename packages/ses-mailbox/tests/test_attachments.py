"""Attachments are taken, bounded and put into the message as SES does it, and can be had again."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
import requests
from botocore.exceptions import ClientError

from ses_mailbox.client import MailboxClient, entry, simple

PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
TICKET: dict[str, Any] = {
    "FileName": "Билет.pdf",
    "ContentType": "application/pdf",
    "RawContent": b"%PDF-1.7 \xff",
    "ContentTransferEncoding": "BASE64",
}
POSTER: dict[str, Any] = {
    "FileName": "poster.png",
    "ContentType": "image/png",
    "RawContent": PICTURE,
    "ContentDisposition": "INLINE",
    "ContentId": "poster",
    "ContentTransferEncoding": "BASE64",
}
EVENT: dict[str, Any] = {
    "FileName": "event.ics",
    "ContentType": "text/calendar; charset=utf-8; method=PUBLISH",
    "RawContent": "BEGIN:VCALENDAR\r\nSUMMARY:Премьера\r\nEND:VCALENDAR\r\n".encode(),
    "ContentTransferEncoding": "BASE64",
}
HTML = '<p>Hi <img src="cid:poster" alt="x"></p>'


def message_of(mailbox: MailboxClient, letter_id: str) -> EmailMessage:
    source = requests.get(f"{mailbox.url}/api/messages/{letter_id}/source", timeout=10).content
    read = message_from_bytes(source, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def shape(part: Any) -> Any:
    """The types of a message's parts, as they are nested."""
    kind = part.get_content_type()
    return [kind, *map(shape, part.iter_parts())] if part.is_multipart() else kind


def test_the_message_is_built_as_mail_programs_expect_it(mailbox: MailboxClient) -> None:
    sent = mailbox.send(Content=simple("S", HTML, "Hi", Attachments=[TICKET, POSTER, EVENT]))
    message = message_of(mailbox, sent)

    related = ["multipart/related", "text/html", "image/png"]
    assert shape(message) == [
        "multipart/mixed",
        ["multipart/alternative", "text/plain", related],
        "application/pdf",
        "text/calendar",
    ]
    picture = next(one for one in message.walk() if one.get_content_type() == "image/png")
    assert (picture["Content-ID"], picture.get_content_disposition()) == ("<poster>", "inline")
    assert picture.get_payload(decode=True) == PICTURE
    pdf, event = list(message.iter_attachments())
    assert (pdf.get_filename(), pdf.get_payload(decode=True)) == ("Билет.pdf", TICKET["RawContent"])
    assert event["Content-Type"].params["method"] == "PUBLISH"
    assert event.get_payload(decode=True) == EVENT["RawContent"]


def test_every_letter_of_a_bulk_call_carries_the_files_of_its_template(mailbox: MailboxClient) -> None:
    mailbox.send_bulk(
        entry("anna@example.com"),
        entry("petr@example.com"),
        DefaultContent={"Template": {"TemplateContent": {"Subject": "S", "Html": "<p>H</p>"}, "Attachments": [TICKET]}},
    )
    described = {"name": "Билет.pdf", "type": "application/pdf", "size": 10, "inline": None}
    assert [letter["attachments"] for letter in mailbox.letters()] == [[described]] * 2
    for letter in mailbox.letters():
        assert [one.get_filename() for one in message_of(mailbox, letter["id"]).iter_attachments()] == ["Билет.pdf"]


def test_a_file_is_downloaded_and_not_run(mailbox: MailboxClient) -> None:
    page = {"FileName": "a.html", "ContentType": "text/html", "RawContent": b"<script>alert(1)</script>"}
    sent = mailbox.send(Content=simple(Attachments=[page]))
    answer = requests.get(f"{mailbox.url}/api/messages/{sent}/attachments/0", timeout=10)
    assert answer.content == page["RawContent"]
    assert answer.headers["content-disposition"].startswith("attachment;")
    assert answer.headers["content-security-policy"].startswith("sandbox")
    assert requests.get(f"{mailbox.url}/api/messages/{sent}/attachments/1", timeout=10).status_code == 404
    assert requests.get(f"{mailbox.url}/api/messages/none/attachments/0", timeout=10).status_code == 404


def test_the_page_names_the_files_and_shows_the_pictures(mailbox: MailboxClient) -> None:
    sent = mailbox.send(Content=simple("S", HTML + '<img src="cid:none" alt="">', "Hi", Attachments=[TICKET, POSTER]))
    page = mailbox.page(f"/letters/{sent}").text
    body = mailbox.page(f"/letters/{sent}/body").text
    assert "Билет.pdf" in page
    assert f'href="/api/messages/{sent}/attachments/0"' in page
    assert f'src="/api/messages/{sent}/attachments/1"' in body
    assert 'src="cid:none"' in body


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"FileName": "setup.EXE"}, "file type .exe is not supported"),
        ({"FileName": "run.js"}, "file type .js is not supported"),
        ({"ContentTransferEncoding": "SEVEN_BIT"}, "SEVEN_BIT"),
        ({"ContentDisposition": "INLINE"}, "ContentId"),
        ({"FileName": "x" * 256}, "FileName"),
        ({"ContentType": "x" * 79}, "ContentType"),
    ],
)
def test_what_ses_does_not_take_is_refused(mailbox: MailboxClient, change: dict[str, str], said: str) -> None:
    with pytest.raises(ClientError, match=said) as refused:
        mailbox.send(Content=simple(Attachments=[{**TICKET, **change}]))
    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    template = {"TemplateContent": {"Subject": "S", "Html": "H"}, "Attachments": [{**TICKET, **change}]}
    with pytest.raises(ClientError, match=said):
        mailbox.send_bulk(entry("anna@example.com"), DefaultContent={"Template": template})
    assert mailbox.letters() == []


def test_seven_bit_is_the_default_and_breaks_what_is_not_ascii(mailbox: MailboxClient) -> None:
    plain = {"FileName": "a.txt", "RawContent": b"plain\n"}
    mailbox.send(Content=simple(Attachments=[plain]))
    with pytest.raises(ClientError, match="SEVEN_BIT"):
        mailbox.send(Content=simple(Attachments=[{**plain, "RawContent": "не plain".encode()}]))


def test_a_message_has_500_parts_and_40_mb_at_most(mailbox: MailboxClient) -> None:
    small = {"FileName": "a.txt", "RawContent": b"x"}
    with pytest.raises(ClientError, match="500 MIME parts"):
        mailbox.send(Content=simple(Attachments=[small] * 498))
    large = {**TICKET, "RawContent": bytes(31 * 1024 * 1024)}
    with pytest.raises(ClientError, match="Message length is more than"):
        mailbox.send(Content=simple(Attachments=[large]))
