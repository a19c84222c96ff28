"""Letters with files and calendar entries, sent to the mailbox as to SES and opened as a mail program opens them."""

from email import message_from_bytes, policy
from email.message import EmailMessage

import pytest
import requests
from ses_mailbox.client import MailboxClient

from chalicelib.channels.email import EmailChannel
from chalicelib.channels.port import AttachedFile, Message, Verdict
from chalicelib.stage.app import Stage
from tests.integration.channels.conftest import FROM, SETS
from tests.integration.channels.test_email import message

PDF = AttachedFile("Билет.pdf", "application/pdf", b"%PDF-1.7 \xff\x00")
POSTER = AttachedFile("poster.png", "image/png", b"\x89PNG\r\n", "poster")
ENTRY = "BEGIN:VCALENDAR\r\nMETHOD:PUBLISH\r\nSUMMARY:Премьера\r\nEND:VCALENDAR\r\n"


@pytest.fixture
def channel(mailbox: MailboxClient) -> EmailChannel:
    return EmailChannel(Stage.own().ses, sender=lambda _: FROM, **SETS)


def carrying(n: int, *files: AttachedFile, calendar: str = "") -> Message:
    one = message(f"u{n}@example.com", n, html='<p><img src="cid:poster" alt="Poster"></p>')
    return one._replace(files=files, parts={**one.parts, "calendar": calendar})


def opened(mailbox: MailboxClient) -> dict[str, EmailMessage]:
    """The messages by their recipients."""
    found = {}
    for letter in mailbox.letters(limit=100):
        source = requests.get(f"{mailbox.url}/api/messages/{letter['id']}/source", timeout=10).content
        read = message_from_bytes(source, policy=policy.default)
        assert isinstance(read, EmailMessage)
        found[letter["to"][0]] = read
    return found


def files_in(read: EmailMessage) -> dict[str | None, bytes]:
    return {one.get_filename(): bytes(one.get_payload(decode=True)) for one in read.walk() if one.get_filename()}


@pytest.mark.parametrize("count", [1, 3])
def test_a_file_a_picture_and_an_event_arrive(channel: EmailChannel, mailbox: MailboxClient, count: int) -> None:
    outcomes = channel.send([carrying(n, PDF, POSTER, calendar=ENTRY) for n in range(count)])

    assert [one.verdict for one in outcomes] == [Verdict.ACCEPTED] * count
    assert mailbox.stats()["calls"] == 1
    for read in opened(mailbox).values():
        assert files_in(read) == {"Билет.pdf": PDF.content, "poster.png": POSTER.content, "event.ics": ENTRY.encode()}
        event = next(one for one in read.walk() if one.get_content_type() == "text/calendar")
        assert event["Content-Type"].params["method"] == "PUBLISH"
        picture = next(one for one in read.walk() if one.get_content_type() == "image/png")
        assert picture["Content-ID"] == "<poster>"
        assert read.get_body(("html",)) is not None


def test_letters_whose_entries_differ_go_by_calls_of_their_own(channel: EmailChannel, mailbox: MailboxClient) -> None:
    entries = [ENTRY, ENTRY.replace("Премьера", "Premiere"), ENTRY, "", ENTRY.replace("Премьера", "Première")]

    outcomes = channel.send([carrying(n, PDF, calendar=entry) for n, entry in enumerate(entries)])

    letters = opened(mailbox)
    assert [one.provider_id for one in outcomes] == [
        next(letter["id"] for letter in mailbox.letters(limit=100) if letter["to"] == [f"u{n}@example.com"])
        for n in range(5)
    ]
    assert [files_in(letters[f"u{n}@example.com"]).get("event.ics", b"").decode() for n in range(5)] == entries
    assert sorted(call["entries"] for call in mailbox.stats()["call_times"]) == [1, 1, 1, 2]


def test_a_bulk_call_that_is_refused_whole_sends_files_letter_by_letter(
    channel: EmailChannel, mailbox: MailboxClient
) -> None:
    mailbox.fault(kind="refuse", to="u1@", entries=False)

    channel.send([carrying(n, PDF) for n in range(3)])

    assert {to: files_in(one) for to, one in opened(mailbox).items()} == {
        f"u{n}@example.com": {"Билет.pdf": PDF.content} for n in (0, 2)
    }
