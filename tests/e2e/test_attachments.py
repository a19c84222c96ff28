"""Files, pictures and calendar entries on the whole service: uploaded by the signed address, fetched from one, sent by
workers with their own rights, and opened as a mail program opens them."""

from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.test_campaigns import PROMO, finished, started

pytestmark = pytest.mark.e2e
PDF = b"%PDF-1.7 \xff\x00 a ticket"
PICTURE = b"\x89PNG\r\n\x1a\n" + bytes(range(256))
PREMIERE = {
    "category": "marketing",
    "channels": ["email"],
    "default_locale": "en",
    "variables": {"film": {"type": "string"}, "starts_at": {"type": "date"}},
    "sample": {"context": {"film": "Low Water", "starts_at": "2026-12-05T18:00:00+03:00"}},
    "locales": {
        "en": {
            "email.subject": "{{ film }}",
            "email.html": "<p>{{ starts_at|date }}, {{ starts_at|time }}</p>"
            '<img src="cid:poster" width="300" alt="Poster">',
            "email.calendar": "BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//Test//EN\nMETHOD:PUBLISH\nBEGIN:VEVENT\n"
            "UID:premiere\nDTSTAMP:{{ starts_at|ics_time }}\nDTSTART:{{ starts_at|ics_time }}\n"
            "SUMMARY:{{ film|ics }}\nEND:VEVENT\nEND:VCALENDAR",
        }
    },
}


def uploaded(vestnik: Vestnik, content: bytes) -> str:
    asked = vestnik.call("POST", "/v1/files").json()
    sent = requests.put(asked["upload"]["url"], data=content, headers=asked["upload"]["headers"], timeout=30)
    assert sent.status_code == 200, sent.text
    again = requests.put(asked["upload"]["url"], data=b"another", headers=asked["upload"]["headers"], timeout=30)
    assert again.status_code == 412  # what is there never changes
    return str(asked["id"])


def opened(vestnik: Vestnik, letter: dict[str, Any]) -> EmailMessage:
    address = f"{vestnik.cloud.mailbox_url}/api/messages/{letter['id']}/source"
    read = message_from_bytes(requests.get(address, timeout=30).content, policy=policy.default)
    assert isinstance(read, EmailMessage)
    return read


def files_in(read: EmailMessage) -> dict[str | None, Any]:
    return {one.get_filename(): one.get_payload(decode=True) for one in read.walk() if one.get_filename()}


def test_a_ticket_a_picture_and_a_calendar_entry_arrive(vestnik: Vestnik) -> None:
    stored = vestnik.call("PUT", "/v1/templates/premiere-with-files", PREMIERE)
    assert stored.status_code == 200, stored.text
    sent = vestnik.call(
        "POST",
        "/v1/notifications",
        {
            "template": "premiere-with-files",
            "recipients": [{"email": "ticket@viewers.example", "locale": "en", "timezone": "Europe/Moscow"}],
            "context": {"film": "Low, Water", "starts_at": "2026-12-05T18:00:00+03:00"},
            "attachments": [
                {"file": uploaded(vestnik, PDF), "name": "Билет.pdf"},
                {"file": uploaded(vestnik, PICTURE), "name": "poster.png", "inline": "poster"},
            ],
        },
    )
    assert sent.status_code == 202, sent.text

    [letter] = eventually(lambda: vestnik.letters("ticket@viewers.example"))
    read = opened(vestnik, letter)

    found = files_in(read)
    assert (found["Билет.pdf"], found["poster.png"]) == (PDF, PICTURE)
    assert b"SUMMARY:Low\\, Water\r\n" in found["event.ics"]
    assert b"DTSTART:20261205T150000Z\r\n" in found["event.ics"]
    event = next(one for one in read.walk() if one.get_content_type() == "text/calendar")
    assert event["Content-Type"].params["method"] == "PUBLISH"
    picture = next(one for one in read.walk() if one.get_content_type() == "image/png")
    assert picture["Content-ID"] == "<poster>"
    for kind in ("plain", "html"):
        part = read.get_body((kind,))
        assert part is not None
        assert "5\xa0December 2026, 18:00" in part.get_content()


def test_letters_of_a_campaign_share_a_file_and_the_calls_that_carry_it(vestnik: Vestnik) -> None:
    users = [{"id": f"shared-{n}", "email": f"u{n}@shared.example", "attributes": {"shared": True}} for n in range(20)]
    assert vestnik.call("POST", "/v1/users/batch", {"users": users}).status_code == 200
    address = f"{vestnik.cloud.mailbox_url}/healthz"  # any server of this machine
    audience = {"rule": {"attribute": "shared", "op": "equals", "value": True}}

    finished(
        vestnik,
        started(
            vestnik,
            audience=audience,
            context=PROMO,
            attachments=[
                {"file": uploaded(vestnik, PDF), "name": "programme.pdf"},
                {"url": address, "name": "health.txt"},
            ],
        ),
    )

    letters = vestnik.letters("@shared.example")
    assert len(letters) == 20
    for letter in letters:
        assert files_in(opened(vestnik, letter)).keys() == {"programme.pdf", "health.txt"}
        assert files_in(opened(vestnik, letter))["programme.pdf"] == PDF
    stats = requests.get(f"{vestnik.cloud.mailbox_url}/api/stats", timeout=30).json()
    assert any(call["operation"] == "SendBulkEmail" and call["entries"] > 1 for call in stats["call_times"])
