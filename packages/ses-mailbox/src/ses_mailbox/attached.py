"""Attachments: what SES refuses of them, and where they stand in the MIME message that it makes.

Sources: botocore, Attachment; the developer guide's "Working with email attachments in SES", "Unsupported attachment
types" and "Service quotas"."""

from collections.abc import Sequence
from email.message import EmailMessage
from typing import Any

from ses_mailbox.errors import bad_request
from ses_mailbox.shapes import Attachment

MAX_PARTS = 500  # of a message
_REFUSED = (
    "ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js "
    "jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 "
    "msh2 mshxml msh1xml msh2xml msi msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 "
    "ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk"
)
REFUSED_TYPES = frozenset(_REFUSED.split())
_LINE = 998  # RFC 5322
_ENCODINGS = {"BASE64": "base64", "QUOTED_PRINTABLE": "quoted-printable", "SEVEN_BIT": "7bit"}


def check_attachments(attachments: Sequence[Attachment]) -> None:
    """Raises: SesError `BadRequestException`. What SES would break instead of refusing it is refused too."""
    if len(attachments) > MAX_PARTS - 3:  # the text, the HTML, what holds them
        raise bad_request(f"Message has more than {MAX_PARTS} MIME parts")
    for one in attachments:
        ending = one.file_name.rpartition(".")[2].lower()
        if ending in REFUSED_TYPES:
            raise bad_request(f"Attachment '{one.file_name}': file type .{ending} is not supported")
        if one.content_disposition == "INLINE" and not one.content_id:
            raise bad_request(f"Attachment '{one.file_name}': INLINE needs a ContentId")
        if one.content_transfer_encoding == "SEVEN_BIT" and not _is_seven_bit(one.raw_content):
            raise bad_request(f"Attachment '{one.file_name}': SEVEN_BIT, the default, cannot carry its content")


def _is_seven_bit(content: bytes) -> bool:
    return content.isascii() and b"\0" not in content and all(len(line) <= _LINE for line in content.splitlines())


def put_into(message: EmailMessage, attachments: Sequence[Attachment]) -> None:
    """Pictures that the HTML shows beside it (multipart/related), the rest after all (multipart/mixed)."""
    inline = [one for one in attachments if one.content_disposition == "INLINE"]
    html = message.get_body(("html",)) if inline else None
    for one in inline:
        (html or message).add_related(one.raw_content, **_described(one))
    for one in attachments:
        if one.content_disposition != "INLINE":
            message.add_attachment(one.raw_content, **_described(one))


def _described(one: Attachment) -> dict[str, Any]:
    kind = EmailMessage()
    kind["Content-Type"] = one.content_type or one.media_type
    maintype, _, subtype = one.media_type.partition("/")
    return {
        "maintype": maintype,
        "subtype": subtype or "octet-stream",
        "params": {name: value for name, value in kind["Content-Type"].params.items() if name != "name"},
        "cte": _ENCODINGS[one.content_transfer_encoding],
        "filename": one.file_name,
        "disposition": one.content_disposition.lower(),
        "cid": f"<{one.content_id}>" if one.content_id else None,
    }


def shown_attachment(one: Attachment) -> dict[str, object]:
    """As `GET /api/messages` lists it."""
    inline = one.content_id if one.content_disposition == "INLINE" else None
    return {"name": one.file_name, "type": one.content_type, "size": len(one.raw_content), "inline": inline}
