"""A file that a letter carries: what its name may be, how much letters may carry, and the reference to it that travels
in jobs, never its bytes."""

import re
from functools import cache
from mimetypes import MimeTypes
from typing import Annotated

from pydantic import AfterValidator, Field

from chalicelib.errors import Phrase
from chalicelib.schemas import StrictModel
from chalicelib.text import Line, is_tame

MAX_FILES = 10
# SES takes 40 MB in base64, and throttles what is over 10 MB ("Service quotas"); mailboxes take 20 to 25.
MAX_BYTES = 10 * 1024 * 1024
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
ContentId = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$")]


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


def media_type(name: str) -> str:
    """The same on every machine: system tables of types are not asked."""
    return _types().guess_type(name, strict=False)[0] or "application/octet-stream"


@cache
def _types() -> MimeTypes:
    known = MimeTypes()
    for ending, kind in _MORE_TYPES.items():
        known.add_type(kind, ending)
    return known
