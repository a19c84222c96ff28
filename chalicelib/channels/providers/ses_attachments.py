"""The files of a letter as SES takes them, its calendar entry among them. A bulk call gives the same files to all of
its letters, so that letters with others go by calls of their own."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from chalicelib.channels.port import AttachedFile, Message

if TYPE_CHECKING:
    from mypy_boto3_sesv2.type_defs import AttachmentTypeDef

_EVENT = "event.ics"
_EVENT_TYPE = "text/calendar; charset=utf-8; method=PUBLISH"  # RFC 6047


def files_of(message: Message) -> tuple[AttachedFile, ...]:
    """What a letter carries, its calendar entry last."""
    event = message.parts.get("calendar")
    return (*message.files, *([AttachedFile(_EVENT, _EVENT_TYPE, event.encode())] if event else []))


def alike(messages: Sequence[Message]) -> Iterable[Sequence[int]]:
    """The places of the messages, those with the same files together."""
    places: defaultdict[tuple[AttachedFile, ...], list[int]] = defaultdict(list)
    for n, message in enumerate(messages):
        places[files_of(message)].append(n)
    return places.values()


def as_attachments(files: Iterable[AttachedFile]) -> "list[AttachmentTypeDef]":
    """As SES v2 takes them. Their encoding is named: SES's own default, SEVEN_BIT, would break them."""
    return [_attachment(one) for one in files]


def _attachment(one: AttachedFile) -> "AttachmentTypeDef":
    made: AttachmentTypeDef = {
        "FileName": one.name,
        "ContentType": one.type,
        "RawContent": one.content,
        "ContentTransferEncoding": "BASE64",
    }
    if one.inline:
        made |= {"ContentDisposition": "INLINE", "ContentId": one.inline}
    return made
