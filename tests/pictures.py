"""Pictures for tests, as cameras and drawing programs make them."""

import struct
import zlib
from io import BytesIO
from typing import Any

from PIL import Image

ORIENTATION, GPS = 0x0112, 0x8825
SIDEWAYS = 6  # the camera was turned: a quarter to the right makes it upright


def drawn(kind: str = "PNG", size: tuple[int, int] = (40, 30), *, mode: str = "RGB", **how: Any) -> bytes:
    """A soft gradient, red on the left."""
    light = Image.linear_gradient("L").rotate(90).resize(size)
    picture = Image.merge("RGB", (light, light.point(lambda value: value // 2), light.point(lambda _: 60)))
    return saved(picture.convert(mode), kind, **how)


def noisy(kind: str = "PNG", size: tuple[int, int] = (400, 300), **how: Any) -> bytes:
    """As hard to compress as a photo."""
    return saved(Image.effect_noise(size, 80).convert("RGB"), kind, **how)


def moving(kind: str = "GIF", *, frames: int = 4, size: tuple[int, int] = (700, 300)) -> bytes:
    """A square that wanders."""
    made = []
    for n in range(frames):
        picture = Image.new("RGB", size, (20, n % 200, 90))
        picture.paste((250, 200, 0), (n * 10, 20, n * 10 + 60, 80))
        made.append(picture)
    return saved(made[0], kind, save_all=True, append_images=made[1:], duration=80, loop=0)


def photo_of_a_phone() -> bytes:
    """A JPEG that was taken sideways, with the place where it was taken, a comment and a thumbnail."""
    exif = Image.Exif()
    exif[ORIENTATION] = SIDEWAYS
    exif[0x010F] = "Camera of Anna"
    exif.get_ifd(GPS)[2] = (55.0, 45.0, 7.0)
    return drawn("JPEG", (800, 400), exif=exif, comment=b"Anna's flat", quality=90)


def bomb(width: int = 60_000, height: int = 60_000) -> bytes:
    """A whole PNG of some bytes whose header asks for gigabytes."""
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
        + _chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + _chunk(b"IEND", b"")
    )


def _chunk(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))


def saved(picture: Image.Image, kind: str, **how: Any) -> bytes:
    """The bytes of a picture."""
    into = BytesIO()
    picture.save(into, kind, **how)
    return into.getvalue()


def opened(content: bytes) -> Any:
    """A picture as Pillow reads it."""
    return Image.open(BytesIO(content))
