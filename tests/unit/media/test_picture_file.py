"""What is refused before anything is decoded, with the field and what is expected."""

import pytest

from chalicelib.errors import InvalidError, TooLargeError
from chalicelib.media.picture_file import MAX_FILE_BYTES, PictureHead, check_picture
from tests.pictures import bomb, drawn, moving, photo_of_a_phone

KINDS = ("PNG", "JPEG", "GIF", "WEBP")


@pytest.mark.parametrize("kind", KINDS)
def test_the_type_and_the_size_are_read_from_the_bytes(kind: str) -> None:
    assert check_picture(drawn(kind, (40, 30)), field="file") == PictureHead(kind.lower(), 40, 30)


def test_a_photo_with_a_thumbnail_and_a_film_behind_it_is_whole() -> None:
    assert check_picture(photo_of_a_phone() + b"ftypmp42" * 100, field="file").kind == "jpeg"


def test_an_animation_is_as_large_as_its_canvas() -> None:
    assert check_picture(moving(), field="file") == PictureHead("gif", 700, 300)


REFUSED: dict[str, tuple[bytes, str]] = {
    "an empty file": (b"", "the file is empty"),
    "a text": (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "expected a PNG, JPEG, GIF or WebP picture"),
    "a photo of an iPhone": (b"\0\0\0\x18ftypheic" + b"\0" * 100, "expected a PNG, JPEG, GIF or WebP picture"),
    "a header alone": (b"\x89PNG\r\n\x1a\n", "the end of the file is missing"),
    "nothing between head and end": (b"\x89PNG\r\n\x1a\nIEND", "the file is damaged"),
    "a bomb": (bomb(), "expected at most 40 million pixels, the picture has 60000 × 60000"),
    **{f"half a {kind}": (drawn(kind, (300, 200))[:-200], "the end of the file is missing") for kind in KINDS},
    "a photo that breaks off behind its thumbnail": (photo_of_a_phone()[:-400], "the end of the file is missing"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_for_letters_is_refused_at_its_field(case: str) -> None:
    content, why = REFUSED[case]
    with pytest.raises(InvalidError) as refused:
        check_picture(content, field="url")
    [mistake] = refused.value.errors
    assert mistake.field == "url"
    assert why in mistake.message


def test_a_file_that_lambda_would_not_take_is_too_large() -> None:
    with pytest.raises(TooLargeError, match="at most 4 MB"):
        check_picture(drawn() + b"x" * MAX_FILE_BYTES, field="file")
