"""A letter as the mailbox keeps it, and its MIME source, built only when somebody looks: building it for each letter
would cost more than all the rest."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, parseaddr

from ses_mailbox.attached import put_into, shown_attachment
from ses_mailbox.clock import parse_rfc3339
from ses_mailbox.shapes import Attachment

# Bodies as SES makes them of text in UTF-8: in lines of ASCII (quoted-printable or base64).
_POLICY = SMTP.clone(cte_type="7bit")
_ENCODED_WORD = 75  # RFC 2047
_AFTER_WORD = re.compile(r"\?= (?==\?|<)")
_REGION = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One accepted message.

    `recipients` are bare addresses of To, Cc and Bcc; `headers` are those that SES was given or makes from the call;
    `failure` tells why a template could not be filled (such a letter is never delivered); `template` is its name."""

    id: str
    at: str
    operation: str
    sender: str
    recipients: tuple[str, ...]
    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]
    tags: Mapping[str, str]
    configuration_set: str | None = None
    failure: str | None = None
    template: str | None = None
    raw: bytes | None = None
    attachments: tuple[Attachment, ...] = field(default=())

    def as_json(self) -> dict[str, object]:
        """The shape that `GET /api/messages` promises."""
        return {
            "id": self.id,
            "at": self.at,
            "to": list(self.recipients),
            "from": self.sender,
            "subject": self.subject,
            "html": self.html,
            "text": self.text,
            "headers": dict(self.headers),
            "tags": dict(self.tags),
            "attachments": [shown_attachment(one) for one in self.attachments],
        }

    def source(self) -> bytes:
        """The whole message as a mail server would get it; a raw one exactly as it came."""
        return self.raw if self.raw is not None else _mime(self)


def _mime(letter: Letter) -> bytes:
    message = EmailMessage(policy=_POLICY)
    if letter.text or not letter.html:
        message.set_content(letter.text)
    if letter.html and letter.text:
        message.add_alternative(letter.html, subtype="html")
    elif letter.html:
        message.set_content(letter.html, subtype="html")
    put_into(message, letter.attachments)
    head = "".join(f"{name}: {_encoded(value)}\r\n" for name, value in (*_own_headers(letter), *letter.headers))
    return head.encode("ascii") + message.as_bytes()


def _encoded(value: str) -> str:
    """What is beyond ASCII in encoded words, each on a line of its own (RFC 2047: at most 76 characters a line); the
    rest whole, up to the 998 of a line: an address in List-Unsubscribe must not be broken."""
    if value.isascii():
        return _AFTER_WORD.sub("?=\r\n ", value)
    return Header(value, "utf-8", maxlinelen=_ENCODED_WORD).encode(linesep="\r\n")


def _own_headers(letter: Letter) -> Iterator[tuple[str, str]]:
    """What SES adds to a letter (developer guide, "Amazon SES header fields"; the rest as letters arrive from it). The
    signature is a placeholder: nothing here has the key."""
    domain = parseaddr(letter.sender)[1].rpartition("@")[2]
    yield "Return-Path", f"<{letter.id}@amazonses.com>"
    for of in (domain, "amazonses.com"):
        yield "DKIM-Signature", f"v=1; a=rsa-sha256; c=relaxed/simple; d={of}; s=local; h=From:To:Subject; bh=; b="
    yield "Date", format_datetime(parse_rfc3339(letter.at))
    yield "Message-ID", f"<{letter.id}@email.amazonses.com>"
    told = ":".join(letter.tags.get(f"ses:feedback-id-{place}", "") for place in "ab")
    yield "Feedback-ID", f"{told}:1.{_REGION}.local:AmazonSES"
    yield "X-SES-Outgoing", f"{letter.at[:10].replace('-', '.')}-192.0.2.1"
