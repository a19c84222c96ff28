"""Makes a picture ready for letters: upright, in sRGB, without metadata, no wider than a letter shows it, in a format
that every mail program shows. The same upload gives the same bytes.
"""

import warnings
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any, NamedTuple

from PIL import Image, ImageCms, ImageOps, ImageSequence

from chalicelib.errors import Phrase
from chalicelib.media.picture_file import MAX_PIXELS, too_many_pixels

LETTER_WIDTH = 600  # pixels; a letter's column
SHARP_WIDTH = 2 * LETTER_WIDTH  # for screens with two pixels for one
MAX_FRAMES = 300
_MAX_FRAME_PIXELS = 120_000_000  # of all frames together
_FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_TWO_IN_ONE = "MPO"  # what Pillow makes of a phone's JPEG with a second picture inside; the first is shown
_QUALITY = 85
_MOST_FOR_PNG = 2  # a drawing compresses better as PNG; a photo, which is several times larger so, becomes JPEG
_TYPES = {"png": "image/png", "jpg": "image/jpeg", "gif": "image/gif"}


class BadPictureError(Exception):
    """Permanent: no letter can show it; `why` says what was expected."""

    def __init__(self, why: Phrase) -> None:
        super().__init__(why)
        self.why = why


class Sized(NamedTuple):
    """One of the pictures that are kept."""

    content: bytes
    width: int
    height: int


class Prepared(NamedTuple):
    """`small` is as wide as a letter shows it; `sharp` is for fine screens, where the upload has so many pixels."""

    ending: str
    small: Sized
    sharp: Sized | None

    @property
    def content_type(self) -> str:
        return _TYPES[self.ending]


def prepare(content: bytes, *, monotonic: Callable[[], float], most_seconds: float) -> Prepared:
    """Raises: BadPictureError (permanent)."""
    deadline = monotonic() + most_seconds
    with warnings.catch_warnings():
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        Image.MAX_IMAGE_PIXELS = MAX_PIXELS
        try:
            picture = Image.open(BytesIO(content), formats=_FORMATS)
            if picture.width * picture.height > MAX_PIXELS:
                raise BadPictureError(too_many_pixels(picture.width, picture.height))
            if picture.format != _TWO_IN_ONE and getattr(picture, "is_animated", False):
                return _animated(picture, is_late=lambda: monotonic() > deadline)
            return _still(picture)
        except (Image.DecompressionBombWarning, Image.DecompressionBombError) as error:
            most = MAX_PIXELS // 1_000_000
            raise BadPictureError(Phrase("expected at most {most} million pixels", most=most)) from error
        except (OSError, SyntaxError, ValueError, EOFError, IndexError, MemoryError) as error:
            # Pillow's own refusals: truncated or damaged data
            raise BadPictureError(Phrase("expected a picture: the file is damaged")) from error


def _still(picture: Image.Image) -> Prepared:
    plain = _opaque(_in_srgb(ImageOps.exif_transpose(picture)))
    plain.info = {}  # what Pillow would write again: profiles, comments, times
    small, sharp = _fitted(plain, LETTER_WIDTH), _fitted(plain, SHARP_WIDTH)
    ending = _ending(sharp, was_jpeg=picture.format in ("JPEG", _TWO_IN_ONE))
    made = [_sized(one, ending) for one in (small, sharp)]
    return Prepared(ending, made[0], made[1] if made[1].width > made[0].width else None)


def _in_srgb(picture: Image.Image) -> Image.Image:
    """As RGB, or RGBA where something may show through."""
    if picture.mode.startswith("I"):  # 16 bits a pixel; Pillow's own conversion cuts off what is bright
        picture = picture.convert("I").point(lambda value: value / 256).convert("L")
    see_through = picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info
    profile, wanted = picture.info.get("icc_profile"), "RGBA" if see_through else "RGB"
    if profile and picture.mode in ("RGB", "RGBA", "CMYK"):
        try:
            theirs = ImageCms.ImageCmsProfile(BytesIO(profile))
            found = ImageCms.profileToProfile(picture, theirs, ImageCms.createProfile("sRGB"), outputMode=wanted)
            return found or picture.convert(wanted)
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a broken profile: the colours as they are
    return picture.convert(wanted)


def _opaque(picture: Image.Image) -> Image.Image:
    """Without an alpha channel that hides nothing."""
    if picture.mode == "RGBA" and picture.getchannel("A").getextrema() == (255, 255):
        return picture.convert("RGB")
    return picture


def _fitted(picture: Image.Image, most: int) -> Image.Image:
    if picture.width <= most:
        return picture
    height = max(1, round(picture.height * most / picture.width))
    return picture.resize((most, height), Image.Resampling.LANCZOS)


def _ending(picture: Image.Image, *, was_jpeg: bool) -> str:
    if picture.mode == "RGBA":
        return "png"
    if was_jpeg:
        return "jpg"
    as_png, as_jpeg = (len(_encoded(picture, ending)) for ending in ("png", "jpg"))
    return "png" if as_png <= _MOST_FOR_PNG * as_jpeg else "jpg"


def _sized(picture: Image.Image, ending: str) -> Sized:
    return Sized(_encoded(picture, ending), picture.width, picture.height)


def _encoded(picture: Image.Image, ending: str) -> bytes:
    into = BytesIO()
    if ending == "png":
        picture.save(into, "PNG", optimize=True)
    else:
        picture.save(into, "JPEG", quality=_QUALITY, optimize=True, progressive=True)
    return into.getvalue()


def _animated(picture: Image.Image, *, is_late: Callable[[], bool]) -> Prepared:
    """As a GIF, which mail programs move; of one size, as it weighs enough."""
    frames, count = list[Image.Image](), int(getattr(picture, "n_frames", 1))
    if count > MAX_FRAMES or count * picture.width * picture.height > _MAX_FRAME_PIXELS:
        raise BadPictureError(
            Phrase(
                "expected an animation of at most {frames} frames and {most} million pixels in all of them",
                frames=MAX_FRAMES,
                most=_MAX_FRAME_PIXELS // 1_000_000,
            )
        )
    durations = list[int]()
    for frame, milliseconds in _frames(picture):
        frames.append(_fitted(frame, LETTER_WIDTH))
        durations.append(milliseconds)
        if is_late():
            raise BadPictureError(Phrase("expected a simpler animation: making it ready takes too long"))
    how: dict[str, Any] = {"loop": picture.info["loop"]} if "loop" in picture.info else {}
    into = BytesIO()
    frames[0].save(into, "GIF", save_all=True, append_images=frames[1:], duration=durations, disposal=2, **how)
    return Prepared("gif", Sized(into.getvalue(), frames[0].width, frames[0].height), None)


def _frames(picture: Image.Image) -> Iterator[tuple[Image.Image, int]]:
    for frame in ImageSequence.Iterator(picture):
        whole = frame.convert("RGBA")
        milliseconds = int(frame.info.get("duration", 0)) or 100  # what browsers make of none; WebP tells once decoded
        whole.info = {}
        yield whole, milliseconds
