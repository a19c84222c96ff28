"""Reads a raw MIME message: its parts, addresses and SES's own headers."""

from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import default as modern_policy
from email.utils import getaddresses

from pydantic import TypeAdapter, ValidationError

from ses_mailbox.errors import bad_request
from ses_mailbox.shapes import TagText

_TAG_TEXT: TypeAdapter[str] = TypeAdapter(TagText)
# The developer guide, "Specifying a configuration set" and "message tags": SES takes these out of a raw message.
_CONFIGURATION_SET = "x-ses-configuration-set"
_TAGS = "x-ses-message-tags"


@dataclass(frozen=True)
class RawContent:
    """What the mailbox understands of a raw message; `source` is untouched."""

    source: bytes
    sender: str
    recipients: tuple[str, ...]
    subject: str
    html: str
    text: str
    headers: tuple[tuple[str, str], ...]
    tags: dict[str, str]
    configuration_set: str | None


def read_raw(source: bytes) -> RawContent:
    """Raises: SesError `BadRequestException` for what is no message."""
    try:
        message = message_from_bytes(source, policy=modern_policy)
        headers = tuple((name, str(value)) for name, value in message.items())
        html, text = _part(message, "html"), _part(message, "plain")
    except (MessageError, ValueError, LookupError) as error:
        raise bad_request("The raw message cannot be parsed") from error
    if not headers:
        raise bad_request("Missing final '@domain'" if source else "The raw message is empty")
    named = {name.lower(): value for name, value in headers}
    addressed = [value for name, value in headers if name.lower() in {"to", "cc", "bcc"}]
    return RawContent(
        source=source,
        sender=named.get("from", ""),
        recipients=tuple(address for _, address in getaddresses(addressed)),
        subject=named.get("subject", ""),
        html=html,
        text=text,
        headers=headers,
        tags=_tags(named.get(_TAGS, "")),
        configuration_set=named.get(_CONFIGURATION_SET),
    )


def _part(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    return str(part.get_content()) if part is not None else ""


def _tags(value: str) -> dict[str, str]:
    pairs = [pair.strip().partition("=") for pair in value.split(",") if pair.strip()]
    try:
        return {_TAG_TEXT.validate_python(name): _TAG_TEXT.validate_python(tag) for name, _, tag in pairs}
    except ValidationError as error:
        raise bad_request("Invalid message tag in X-SES-MESSAGE-TAGS") from error
