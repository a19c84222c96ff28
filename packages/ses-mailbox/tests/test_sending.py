"""What boto3 sends is what the mailbox keeps, whole."""

import base64
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import TYPE_CHECKING

import pytest
import requests

from pretended import SENDER
from ses_mailbox.client import MailboxClient, entry, simple

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import EmailTemplateContentTypeDef

UNSUBSCRIBE = {"Name": "List-Unsubscribe", "Value": f"<https://cinema.example/unsubscribe/{'t' * 200}>"}


def _source(mailbox: MailboxClient, letter_id: str) -> EmailMessage:
    answer = requests.get(f"{mailbox.url}/api/messages/{letter_id}/source", timeout=10)
    assert answer.headers["content-type"].startswith("text/plain")
    return message_from_bytes(answer.content, policy=default)


def test_a_simple_letter_is_kept_with_everything_that_was_said(mailbox: MailboxClient) -> None:
    sent = mailbox.send(
        "anna@example.com",
        Content=simple("Новая серия", "<p>Смотрите</p>", "Смотрите", Headers=[UNSUBSCRIBE]),
        EmailTags=[{"Name": "delivery", "Value": "d-1"}],
        ReplyToAddresses=["help@cinema.example"],
    )
    [letter] = mailbox.letters()
    assert letter.pop("at").endswith("Z")
    assert letter == {
        "id": sent,
        "to": ["anna@example.com"],
        "from": SENDER,
        "subject": "Новая серия",
        "html": "<p>Смотрите</p>",
        "text": "Смотрите",
        "headers": {
            "From": SENDER,
            "To": "anna@example.com",
            "Reply-To": "help@cinema.example",
            "Subject": "Новая серия",
            "List-Unsubscribe": UNSUBSCRIBE["Value"],
        },
        "tags": {"delivery": "d-1"},
        "attachments": [],
    }


def test_one_letter_is_found_by_its_id(mailbox: MailboxClient) -> None:
    sent = mailbox.send()
    assert requests.get(f"{mailbox.url}/api/messages/{sent}", timeout=10).json() == mailbox.letters()[0]


def test_an_unknown_id_is_not_found(mailbox: MailboxClient) -> None:
    assert requests.get(f"{mailbox.url}/api/messages/none", timeout=10).status_code == 404


def test_the_source_is_a_whole_mime_message(mailbox: MailboxClient) -> None:
    attachment = {"RawContent": b"%PDF-", "FileName": "ticket.pdf", "ContentType": "application/pdf"}
    content = simple("Билет", "<p>Вот</p>", "Вот", Headers=[UNSUBSCRIBE], Attachments=[attachment])
    message = _source(mailbox, mailbox.send(Content=content))
    html, text = message.get_body(("html",)), message.get_body(("plain",))
    assert (message["Subject"], message["List-Unsubscribe"]) == ("Билет", UNSUBSCRIBE["Value"])
    assert html is not None
    assert html.get_content().strip() == "<p>Вот</p>"
    assert text is not None
    assert text.get_content().strip() == "Вот"
    assert [(part.get_filename(), part.get_content()) for part in message.iter_attachments()] == [
        ("ticket.pdf", b"%PDF-")
    ]


def test_a_raw_letter_keeps_its_own_headers_tags_and_bytes(mailbox: MailboxClient) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = SENDER, "Пётр <petr@example.com>", "Сырое"
    message["X-SES-MESSAGE-TAGS"] = "delivery=d-2, run=r-1"
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")
    sent = mailbox.ses.send_email(Content={"Raw": {"Data": message.as_bytes()}})["MessageId"]
    [letter] = mailbox.letters(to="petr@")
    assert (letter["to"], letter["subject"], letter["html"].strip()) == (["petr@example.com"], "Сырое", "<p>html</p>")
    assert letter["tags"] == {"delivery": "d-2", "run": "r-1"}
    assert _source(mailbox, sent).as_bytes() == message.as_bytes()


def test_a_stored_template_is_filled_and_can_be_deleted(mailbox: MailboxClient) -> None:
    content: EmailTemplateContentTypeDef = {"Subject": "Hi {{ user.name }}", "Html": "<p>{{count}}</p>"}
    mailbox.ses.create_email_template(TemplateName="hi", TemplateContent=content)
    assert mailbox.ses.get_email_template(TemplateName="hi")["TemplateContent"] == content
    template = {"TemplateName": "hi", "TemplateData": '{"user": {"name": "<Anna>"}, "count": 3}'}
    mailbox.send(Content={"Template": template})
    assert [(letter["subject"], letter["html"]) for letter in mailbox.letters()] == [("Hi <Anna>", "<p>3</p>")]
    mailbox.ses.delete_email_template(TemplateName="hi")
    with pytest.raises(mailbox.ses.exceptions.NotFoundException):
        mailbox.send(Content={"Template": template})


def test_a_bulk_call_makes_one_letter_an_entry_with_its_own_data_headers_and_tags(mailbox: MailboxClient) -> None:
    answer = mailbox.send_bulk(
        entry("anna@example.com", {"name": "Anna"}),
        entry(
            "petr@example.com",
            {"name": "Пётр"},
            ReplacementHeaders=[{"Name": "x-kind", "Value": "own"}],
            ReplacementTags=[{"Name": "delivery", "Value": "d-2"}],
        ),
        DefaultContent={
            "Template": {
                "TemplateContent": {"Subject": "{{name}}, {{city}}", "Html": "<b>{{name}}</b>"},
                "TemplateData": '{"city": "Москва"}',
                "Headers": [{"Name": "X-Kind", "Value": "default"}],
            }
        },
        DefaultEmailTags=[{"Name": "delivery", "Value": "none"}, {"Name": "run", "Value": "r"}],
    )
    letters = mailbox.letters()
    assert [result["Status"] for result in answer["BulkEmailEntryResults"]] == ["SUCCESS", "SUCCESS"]
    assert [result["MessageId"] for result in answer["BulkEmailEntryResults"]] == [letter["id"] for letter in letters]
    assert [letter["subject"] for letter in letters] == ["Anna, Москва", "Пётр, Москва"]
    assert [letter["tags"]["delivery"] for letter in letters] == ["none", "d-2"]
    assert letters[0]["headers"]["X-Kind"] == "default"
    assert {name: value for name, value in letters[1]["headers"].items() if name.lower() == "x-kind"} == {
        "x-kind": "own"
    }


def test_a_missing_variable_is_taken_but_never_becomes_a_letter(mailbox: MailboxClient) -> None:
    answer = mailbox.send_bulk(entry("anna@example.com", {}), entry("petr@example.com"))
    assert [result["Status"] for result in answer["BulkEmailEntryResults"]] == ["SUCCESS", "SUCCESS"]
    assert [letter["to"] for letter in mailbox.letters()] == [["petr@example.com"]]
    assert "not present in the rendering data" in mailbox.page("/").text


def test_the_account_tells_what_it_sent_in_a_day(mailbox: MailboxClient) -> None:
    mailbox.send()
    assert mailbox.ses.get_account()["SendQuota"]["SentLast24Hours"] == 1.0


def test_letters_are_found_by_part_of_an_address_subject_time_and_number(mailbox: MailboxClient) -> None:
    for name in ("anna", "petr", "olga"):
        mailbox.send(f"{name}@example.com", Content=simple(f"Привет, {name}"))
    everyone = mailbox.letters()
    assert [letter["to"][0] for letter in mailbox.letters(to="PETR@")] == ["petr@example.com"]
    assert [letter["to"][0] for letter in mailbox.letters(subject="привет, o")] == ["olga@example.com"]
    assert mailbox.letters(after=everyone[0]["id"]) == everyone[1:]
    assert mailbox.letters(after=everyone[1]["at"]) == everyone[2:]
    assert mailbox.letters(limit=1) == everyone[:1]
    assert mailbox.letters(to="%") == []


def test_deleting_empties_the_mailbox(mailbox: MailboxClient) -> None:
    mailbox.send()
    requests.delete(f"{mailbox.url}/api/messages", timeout=10)
    assert mailbox.letters() == []


def test_the_statistics_count_letters_calls_and_their_times(mailbox: MailboxClient) -> None:
    mailbox.send()
    mailbox.send_bulk(entry("anna@example.com"), entry("petr@example.com"))
    stats = mailbox.stats()
    assert (stats["accepted"], stats["calls"], sum(stats["by_second"].values())) == (3, 2, 3)
    assert [(call["operation"], call["entries"]) for call in stats["call_times"]] == [
        ("SendEmail", 1),
        ("SendBulkEmail", 2),
    ]
    assert mailbox.stats(since=stats["call_times"][1]["at"])["accepted"] == 2


def test_a_letter_of_many_megabytes_is_taken(mailbox: MailboxClient) -> None:
    text = base64.b64encode(bytes(6 * 1024 * 1024)).decode()
    mailbox.send(Content=simple(text=text))
    assert len(mailbox.letters()[0]["text"]) == len(text)
