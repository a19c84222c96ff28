"""The first look at a picture, with nothing decoded: its type by its own bytes, whether it is whole, and its size by
its header. What no worker could take is refused here, at once and by name."""

from io import BytesIO
from typing import NamedTuple

import imagesize

from chalicelib.errors import InvalidError, Phrase, TooLargeError

# Lambda takes 6 MB, in which a file is a third longer (base64).
MAX_FILE_BYTES = 4_000_000
MAX_PIXELS = 40_000_000  # 160 MB once it is decoded
_MEGA = 1_000_000


class PictureHead(NamedTuple):
    """What the header says; nothing of it is proven yet."""

    kind: str
    width: int
    height: int


def check_picture(content: bytes, *, field: str) -> PictureHead:
    """Raises: InvalidError, TooLargeError (permanent), at `field`."""
    if not content:
        raise InvalidError.of(field, Phrase("expected a PNG, JPEG, GIF or WebP picture: the file is empty"))
    if len(content) > MAX_FILE_BYTES:
        raise too_large(field)
    kind = _kind(content)
    if kind is None:
        raise InvalidError.of(field, Phrase("expected a PNG, JPEG, GIF or WebP picture"))
    if not _is_whole(kind, content):
        raise InvalidError.of(field, Phrase("expected the whole picture: the end of the file is missing"))
    width, height = _size(content)
    if width < 1 or height < 1:
        raise InvalidError.of(field, Phrase("expected a picture: the file is damaged"))
    if width * height > MAX_PIXELS:
        raise InvalidError.of(field, too_many_pixels(width, height))
    return PictureHead(kind, width, height)


def too_large(field: str) -> InvalidError:
    """The error of a file that is."""
    return TooLargeError.of(field, Phrase("expected a picture of at most {most} MB", most=MAX_FILE_BYTES // _MEGA))


def too_many_pixels(width: int, height: int) -> Phrase:
    """What is said of a picture that has them."""
    return Phrase(
        "expected at most {most} million pixels, the picture has {width} × {height}",
        most=MAX_PIXELS // _MEGA,
        width=width,
        height=height,
    )


def _kind(content: bytes) -> str | None:
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "png"
    if content.startswith(b"\xff\xd8\xff"):
        return "jpeg"
    if content.startswith((b"GIF87a", b"GIF89a")):
        return "gif"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "webp"
    return None


def _is_whole(kind: str, content: bytes) -> bool:
    match kind:
        case "png":
            return b"IEND" in content[-64:]
        case "jpeg":  # the end of the last scan: a thumbnail in the metadata ends too, and phones append films
            scan = content.rfind(b"\xff\xda")
            return scan > 0 and content.find(b"\xff\xd9", scan) > 0
        case "gif":
            return content.rstrip(b"\0").endswith(b";")
        case _:
            return len(content) >= 8 + int.from_bytes(content[4:8], "little")


def _size(content: bytes) -> tuple[int, int]:
    try:
        width, height = imagesize.get(BytesIO(content))
    except Exception:  # of a damaged header it raises whatever its arithmetic does
        return 0, 0
    return int(width), int(height)
