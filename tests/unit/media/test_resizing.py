"""What letters get of an upload."""

import random
import time
from itertools import count

import pytest
from PIL import Image, ImageCms

from chalicelib.media.resizing import BadPictureError, Prepared, prepare
from tests.pictures import bomb, drawn, moving, noisy, opened, photo_of_a_phone, saved


def ready(content: bytes) -> Prepared:
    return prepare(content, monotonic=time.monotonic, most_seconds=60)


def sizes(made: Prepared) -> list[tuple[int, int]]:
    return [(one.width, one.height) for one in (made.small, made.sharp) if one]


@pytest.mark.parametrize(
    ("upload", "kept"),
    [
        ((2400, 1200), [(600, 300), (1200, 600)]),
        ((900, 300), [(600, 200), (900, 300)]),
        ((600, 800), [(600, 800)]),
        ((200, 100), [(200, 100)]),
    ],
)
def test_a_picture_is_kept_as_a_letter_shows_it_and_as_a_fine_screen_does(
    upload: tuple[int, int], kept: list[tuple[int, int]]
) -> None:
    made = ready(drawn("JPEG", upload))
    assert sizes(made) == kept
    assert [opened(one.content).size for one in (made.small, made.sharp) if one] == kept


def test_a_photo_stands_upright_and_says_nothing_of_who_took_it_and_where() -> None:
    upload = photo_of_a_phone()
    made = ready(upload)
    assert sizes(made) == [(400, 800)]
    kept = opened(made.small.content)
    assert dict(kept.getexif()) == {}
    assert {"exif", "icc_profile", "comment"} & kept.info.keys() == set()
    assert b"Anna" in upload and b"Anna" not in made.small.content
    top, bottom = kept.getpixel((200, 10)), kept.getpixel((200, 790))
    assert top[0] != bottom[0]  # the gradient runs downwards now


def test_colours_are_those_of_the_screen_whatever_the_camera_calls_them() -> None:
    wide = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    own = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for profile in (own, wide, b"no profile at all"):
        made = ready(drawn("PNG", (40, 30), icc_profile=profile))
        assert "icc_profile" not in opened(made.small.content).info


@pytest.mark.parametrize(
    ("upload", "ending"),
    [
        (drawn("PNG", (300, 200)), "png"),
        (noisy("PNG"), "jpg"),
        (noisy("WEBP"), "jpg"),
        (drawn("WEBP", (300, 200), lossless=True), "png"),
        (drawn("JPEG", (300, 200)), "jpg"),
        (saved(Image.new("RGBA", (50, 50), (200, 0, 0, 120)), "WEBP"), "png"),
        (saved(Image.new("RGBA", (50, 50), (200, 0, 0, 255)), "PNG"), "png"),
        (drawn("GIF", (300, 200), mode="P"), "png"),
        (drawn("JPEG", (300, 200), mode="CMYK"), "jpg"),
    ],
)
def test_it_becomes_what_every_mail_program_shows(upload: bytes, ending: str) -> None:
    made = ready(upload)
    assert made.ending == ending
    assert made.content_type == {"png": "image/png", "jpg": "image/jpeg"}[ending]
    assert opened(made.small.content).format == {"png": "PNG", "jpg": "JPEG"}[ending]


def test_what_shows_through_still_does() -> None:
    half = Image.new("RGBA", (800, 400), (200, 0, 0, 255))
    half.paste((0, 0, 0, 0), (0, 0, 400, 400))
    made = ready(saved(half, "PNG"))
    kept = opened(made.small.content)
    assert (kept.getpixel((10, 10))[3], kept.getpixel((590, 10))) == (0, (200, 0, 0, 255))


def test_sixteen_bits_a_pixel_are_not_cut_off() -> None:
    made = ready(saved(Image.new("I;16", (40, 40), 0x8000), "PNG"))
    assert opened(made.small.content).convert("L").getpixel((5, 5)) == 128


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
def test_an_animation_stays_one_and_is_a_gif(kind: str) -> None:
    made = ready(moving(kind))
    kept = opened(made.small.content)
    assert (made.ending, kept.n_frames, kept.size, made.sharp) == ("gif", 4, (600, 257), None)
    assert (kept.info["loop"], kept.info["duration"]) == (0, 80)
    assert kept.convert("RGB").getpixel((30, 40)) != kept.convert("RGB").getpixel((400, 200))


@pytest.mark.parametrize("upload", [photo_of_a_phone(), noisy("WEBP"), drawn("PNG", (900, 300)), moving()])
def test_the_same_upload_gives_the_same_bytes(upload: bytes) -> None:
    assert ready(upload) == ready(upload)


def test_a_bomb_is_refused_before_it_is_decoded() -> None:
    with pytest.raises(BadPictureError, match="expected at most 40 million pixels"):
        ready(bomb())


def test_an_animation_of_too_many_frames_is_refused() -> None:
    with pytest.raises(BadPictureError, match="at most 300 frames"):
        ready(moving(frames=301, size=(8, 8)))


def test_what_takes_too_long_is_refused() -> None:
    hours = count(step=3600)
    with pytest.raises(BadPictureError, match="takes too long"):
        prepare(moving(), monotonic=lambda: float(next(hours)), most_seconds=20)


def test_bytes_that_were_changed_on_the_way_are_a_picture_or_refused() -> None:
    chance = random.Random(7)  # noqa: S311 - the same in every run
    for upload in (drawn("PNG", (60, 40)), drawn("JPEG", (60, 40)), drawn("WEBP", (60, 40)), moving(size=(60, 40))):
        for _ in range(40):
            damaged = bytearray(upload)
            for _ in range(5):
                damaged[chance.randrange(12, len(damaged))] = chance.randrange(256)
            try:
                ready(bytes(damaged))
            except BadPictureError as error:
                assert str(error.why).startswith("expected")
