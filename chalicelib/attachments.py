"""A file that a letter carries: what its name may be, how much letters may carry, and the reference to it that travels
in jobs, never its bytes."""

import re
from collections.abc import Iterable
from functools import cache
from typing import TYPE_CHECKING, Annotated, NamedTuple, Self

from pydantic import AfterValidator, ConfigDict, Field, model_validator

from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, is_tame, shaped

if TYPE_CHECKING:
    from mimetypes import MimeTypes

MAX_FILES = 10
# SES takes 40 MB in base64, and throttles what is over 10 MB ("Service quotas"); mailboxes take 20 to 25.
MEGABYTE = 1024 * 1024
MAX_BYTES = 10 * MEGABYTE
MAX_NAME = 100
# SES developer guide, "Unsupported attachment types".
_REFUSED = (
    "ade adp app asp bas bat cer chm cmd com cpl crt csh der exe fxp gadget hlp hta inf ins isp its js "
    "jse ksh lib lnk mad maf mag mam maq mar mas mat mau mav maw mda mdb mde mdt mdw mdz msc msh msh1 "
    "msh2 mshxml msh1xml msh2xml msi msp mst ops pcd pif plg prf prg reg scf scr sct shb shs sys ps1 "
    "ps1xml ps2 ps2xml psc1 psc2 tmp url vb vbe vbs vps vsmacros vss vst vsw vxd ws wsc wsf wsh xnk"
)
REFUSED_TYPES = frozenset(_REFUSED.split())
_UNSAFE = re.compile(r'[/\\:*?"<>|]')  # no file system takes them all
_ENDING = re.compile(r"[^.\s].*\.([0-9A-Za-z]{1,10})")
_OFFICE = "application/vnd.openxmlformats-officedocument"
_MORE_TYPES = {
    ".docx": f"{_OFFICE}.wordprocessingml.document",
    ".ics": "text/calendar",
    ".pkpass": "application/vnd.apple.pkpass",
    ".pptx": f"{_OFFICE}.presentationml.presentation",
    ".webp": "image/webp",
    ".xlsx": f"{_OFFICE}.spreadsheetml.sheet",
}


def _file_name(name: str) -> str:
    found = _ENDING.fullmatch(name)
    if found is None or _UNSAFE.search(name) or not is_tame(name):
        raise ValueError(Phrase('expected a file name with an ending, such as ticket.pdf, without / \\ : * ? " < > |'))
    if found[1].lower() in REFUSED_TYPES:
        raise ValueError(Phrase("SES refuses files of the type .{ending}", ending=found[1].lower()))
    return name


FileName = Annotated[Line, Field(min_length=1, max_length=MAX_NAME), AfterValidator(_file_name)]
ContentId = Annotated[
    str,
    shaped(
        r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$",
        Phrase("expected up to 64 Latin letters, digits and . _ @ -, such as poster"),
    ),
]


class KeptFile(StrictModel):
    """Where a file is kept, whose content never changes there, and its size in bytes."""

    key: Annotated[str, Field(max_length=128)]
    size: Annotated[int, Field(ge=0)]


class AttachmentRef(KeptFile):
    """A kept file of a letter. `inline`: the Content-ID by which its HTML shows it."""

    name: str
    inline: str | None = None

    @property
    def type(self) -> str:
        """Its media type, by the ending of its name."""
        return media_type(self.name)


class Attachment(StrictModel):
    """A file for the letter's e-mail; other channels go without it."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"url": "https://cinema.example/ticket.pdf", "name": "ticket.pdf"}]}
    )

    file: Annotated[
        str | None,
        shaped(
            r"^[0-9a-f-]{36}$",
            Phrase("expected the id of a file"),
            description="`id` of an uploaded file (`POST /v1/files`)",
        ),
    ] = None
    url: Annotated[
        Line | None,
        shaped(
            r"^https?://[^\s]{1,2000}$",
            Phrase("expected an address that begins with http:// or https://"),
            description="fetched once, as the call is accepted",
        ),
    ] = None
    name: Annotated[FileName, Field(description="as the reader sees it; its ending says what it is")]
    inline: Annotated[
        ContentId | None, Field(description="the letter's HTML shows it by `cid:` and this word; default: a file")
    ] = None

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.file is None) == (self.url is None):
            raise ValueError(Phrase("expected either file or url"))
        return self

    @property
    def source(self) -> str:
        """The name of the field that says where it comes from."""
        return "url" if self.file is None else "file"


Attachments = Annotated[
    tuple[Attachment, ...],
    Field(max_length=MAX_FILES, description=f"at most {MAX_BYTES // MEGABYTE} MB together; for e-mail alone"),
]


class KeptAttachment(NamedTuple):
    """An attachment with the file that it stands for."""

    given: Attachment
    file: KeptFile

    @property
    def ref(self) -> AttachmentRef:
        """What travels in jobs."""
        return AttachmentRef(key=self.file.key, size=self.file.size, name=self.given.name, inline=self.given.inline)


class CampaignAttachment(Attachment):
    """An attachment of every letter."""

    kept: Annotated[
        KeptFile | None, Field(description="the file as it was taken; whatever a caller says here is ignored")
    ] = None

    @property
    def given(self) -> Attachment:
        """What was asked for."""
        return Attachment.model_construct(**self.model_dump(exclude={"kept"}))


CampaignAttachments = Annotated[tuple[CampaignAttachment, ...], Field(max_length=MAX_FILES)]


def kept_of(attachments: Iterable[CampaignAttachment]) -> list[KeptAttachment]:
    """Those that were taken."""
    return [KeptAttachment(one.given, one.kept) for one in attachments if one.kept is not None]


def refs_of(attachments: Iterable[CampaignAttachment]) -> tuple[AttachmentRef, ...]:
    """As they travel in jobs."""
    return tuple(one.ref for one in kept_of(attachments))


def media_type(name: str) -> str:
    """The same on every machine: system tables of types are not asked."""
    return _types().guess_type(name, strict=False)[0] or "application/octet-stream"


@cache
def _types() -> "MimeTypes":
    from mimetypes import MimeTypes  # here: only who sends a file asks

    known = MimeTypes()
    for ending, kind in _MORE_TYPES.items():
        known.add_type(kind, ending)
    return known
