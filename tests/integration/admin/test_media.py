"""The library of pictures on the managers' pages, without JavaScript."""

from typing import Any

import pytest

from chalicelib.accounts.managers import Role
from chalicelib.stage.app import Stage
from tests.forms import File
from tests.integration.admin.conftest import Seen, Visitor, signed_in
from tests.integration.conftest import Pump
from tests.pictures import bomb, drawn


def send(visitor: Visitor, *contents: bytes, **fields: str) -> Seen:
    visitor.get("/admin/media")
    files = [("file", File(f'C:\\films\\poster "{n}".png', "image/png", one)) for n, one in enumerate(contents)]
    return visitor.send_files("/admin/media", files, **fields)


def pictures() -> list[Any]:
    return Stage.own().media_rows.page(limit=50)[0]


def test_several_pictures_are_added_and_described_afterwards(boss: Visitor, pump: Pump, shelf: Any) -> None:
    seen = send(boss, drawn(size=(900, 300)), drawn(size=(200, 300)))
    assert (seen.status, seen.place, seen.said) == (303, "/admin/media", "media_added"), seen.text
    page = boss.get("/admin/media")
    assert "being made ready" in page.text and "hx-trigger" in page.text
    pump.run()
    page = boss.get("/admin/media")
    assert "not described" in page.text and 'hx-trigger="every 2s"' not in page.text
    assert sorted(one.title for one in pictures()) == ['poster "0".png', 'poster "1".png']

    path = f"/admin/media/{pictures()[0].id}"
    assert ">Copy the address</button>" in boss.get(path).text
    said = boss.post(path, **{"alt.en": " A  gradient ", "alt.ru": ""})
    assert (said.status, said.said) == (303, "saved"), said.text
    assert pictures()[0].alt == {"en": "A gradient"}
    assert "A gradient" in boss.get("/admin/media?q=gradient").text
    assert "No picture has these words" in boss.get("/admin/media?q=zebra").text


def test_one_picture_is_described_as_it_is_added(boss: Visitor, shelf: Any) -> None:
    assert send(boss, drawn(), **{"alt.ru": "Градиент"}).status == 303
    assert pictures()[0].alt == {"ru": "Градиент"}


def test_none_of_several_is_added_if_one_cannot_be(boss: Visitor, shelf: Any) -> None:
    seen = send(boss, drawn(), bomb(), url="")
    assert (seen.status, pictures()) == (422, [])
    assert "poster &#34;1&#34;.png: expected at most 40 million pixels" in seen.text


@pytest.mark.parametrize(
    ("contents", "fields", "why"),
    [
        ([], {}, "expected pictures, or the address of one"),
        ([drawn()], {"url": "https://films.example/p.png"}, "expected pictures, or the address of one"),
        ([], {"url": "http://10.0.0.1/p.png"}, "expected an https address"),
        ([drawn(), drawn("GIF")], {"alt.en": "Both"}, "several are described afterwards"),
        ([drawn()], {"alt.en": "x" * 501}, "expected 1 to 500 characters"),
        ([drawn()], {"alt.english": "x"}, "expected a language tag"),
    ],
)
def test_a_mistake_is_shown_beside_its_field(
    boss: Visitor, shelf: Any, contents: list[bytes], fields: dict[str, str], why: str
) -> None:
    seen = send(boss, *contents, **fields)
    assert (seen.status, pictures()) == (422, [])
    assert why in seen.text


def test_a_form_that_is_too_large_says_how_much_there_may_be(boss: Visitor, shelf: Any) -> None:
    assert "Up to 4 MB together" in boss.get("/admin/media").text
    seen = send(boss, b"x" * 4_300_000)
    assert (seen.status, "expected at most" in seen.text) == (413, True)


def test_a_picture_needs_a_description_to_be_chosen(boss: Visitor, pump: Pump, shelf: Any) -> None:
    send(boss, drawn(size=(900, 300)), **{"alt.en": "Gradient", "alt.ru": "Градиент"})
    send(boss, drawn(size=(100, 100)))
    pump.run()
    page = boss.get("/admin/media/pick?locale=ru").text
    described = next(one for one in pictures() if one.alt)
    assert page.count("data-url=") == 1
    for data in (
        f'data-url="https://media.cinema.example/media/{described.id}@2x.png"',
        'data-width="600"',
        'data-height="200"',
        'data-alt="Градиент"',
        f'data-bytes="{described.size_bytes_2x}"',
    ):
        assert data in page
    assert "not described" in page


def test_an_unused_picture_is_taken_out(boss: Visitor, shelf: Any) -> None:
    send(boss, drawn())
    path = f"/admin/media/{pictures()[0].id}"
    assert "Nowhere" in boss.get(path).text
    assert boss.post(f"{path}/delete").said == "removed"
    assert pictures() == []


def test_a_description_that_somebody_changed_meanwhile_is_not_overwritten(boss: Visitor, shelf: Any) -> None:
    send(boss, drawn(), **{"alt.en": "Mine"})
    picture = pictures()[0]
    page = boss.get(f"/admin/media/{picture.id}").text
    seen = page.split('name="seen" value="')[1].split('"')[0]
    Stage.own().media_use.describe(picture.id, {"en": "Hers"})
    answer = boss.post(f"/admin/media/{picture.id}", seen=seen, **{"alt.en": "His"})
    assert answer.status == 412
    assert "Hers" in answer.text and "His" in answer.text
    assert pictures()[0].alt == {"en": "Hers"}


def test_pages_show_pictures_of_the_library_and_of_nobody_else(boss: Visitor) -> None:
    policy = boss.get("/admin/media").headers["content-security-policy"]
    assert "img-src 'self' data: https://media.cinema.example/;" in policy


def test_who_may_only_look_sees_no_form(stage: None) -> None:
    viewer = signed_in("eye", Role.VIEWER)
    assert '<form method="post" action="/admin/media"' not in viewer.get("/admin/media").text
    assert viewer.get("/admin/media/pick").status == 403
