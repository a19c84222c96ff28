"""A letter's documents become the fields of a form and come back as they were."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.admin.block_fields import FIELDS
from chalicelib.admin.letter_changes import changed
from chalicelib.admin.letter_form import form_of, items, languages_of, read_letter
from chalicelib.errors import InvalidError
from chalicelib.rendering.documents.letter_blocks import KINDS, Document, read_document

ZONE = "Europe/Moscow"
LINE = st.text("абвxyz {}|<&\"'", min_size=1, max_size=9).filter(lambda text: bool(text.strip()))
URL = st.just("https://cinema.example/p?a=1&b=2")
FILM = st.fixed_dictionaries(
    {"title": LINE}, optional={"url": URL, "poster": URL, "year": LINE, "genre": LINE, "age": LINE, "note": LINE}
)
MOMENT = st.sampled_from(["2026-12-01T19:00:00+03:00", "2026-07-01T19:30:15+02:00", "2026-12-01T16:00:00Z"])
SHOWN = {"show_if": st.sampled_from(["user.name", "film"])}


def block(kind: str, needed: dict[str, Any], **optional: Any) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({"kind": st.just(kind), **needed}, optional={**optional, **SHOWN})


SIMPLE = {
    "heading": block("heading", {"text": LINE}, level=st.sampled_from([1, 2]), eyebrow=LINE),
    "text": block("text", {"text": LINE}, style=st.sampled_from(["normal", "lead", "quiet"])),
    "picture": block(
        "picture", {"url": URL, "alt": LINE}, width=st.integers(16, 600), height=st.integers(1, 4000), link=URL
    ),
    "button": block("button", {"label": LINE, "url": URL}),
}
COLUMN = st.lists(st.one_of(*SIMPLE.values()), min_size=1, max_size=3)
BLOCKS = {
    **SIMPLE,
    "film": block("film", {"film": FILM}),
    "films": st.one_of(
        block("films", {"films": st.lists(FILM, min_size=1, max_size=3)}, per_row=st.sampled_from([1, 2, 3])),
        block("films", {"from": st.just("films")}, per_row=st.sampled_from([1, 2, 3])),
    ),
    "quote": block("quote", {"text": LINE}, author=LINE),
    "panel": block("panel", {"text": LINE}, label=LINE, title=LINE),
    "divider": block("divider", {}),
    "columns": block("columns", {"columns": st.lists(COLUMN, min_size=2, max_size=3)}),
    "coupon": block("coupon", {"code": LINE, "label": LINE}, note=LINE),
    "event": block("event", {"title": LINE, "starts_at": MOMENT}, place=LINE, url=URL, description=LINE),
    "html": block("html", {"html": st.just("<p>{{ user.name }}\n  </p>")}),
}
LETTER = st.fixed_dictionaries(
    {"version": st.just(1), "subject": LINE, "blocks": st.lists(st.one_of(*BLOCKS.values()), min_size=1, max_size=6)},
    optional={"preheader": LINE},
)


def read(document: Any) -> Document:
    return read_document(document, place="documents.en")


def test_the_editor_has_a_form_for_every_kind_of_block() -> None:
    assert tuple(FIELDS) == KINDS
    assert set(BLOCKS) == set(KINDS)


@pytest.mark.parametrize("kind", KINDS)
@given(data=st.data())
def test_each_kind_of_block_comes_back_from_its_form(kind: str, data: st.DataObject) -> None:
    document = {"subject": "A", "blocks": [data.draw(BLOCKS[kind])]}
    letter = read_letter(form_of({"en": document}, zone=ZONE))
    assert read(letter.documents["en"]) == read(document)


@given(letters=st.dictionaries(st.sampled_from(["en", "ru", "pt-BR"]), LETTER, min_size=1))
def test_any_letter_comes_back_in_every_language(letters: dict[str, Any]) -> None:
    letter = read_letter(form_of(letters, zone=ZONE))
    assert list(letter.documents) == list(letters)
    assert all(read(letter.documents[one]) == read(letters[one]) for one in letters)


@given(letter=LETTER, n=st.integers(0, 5), way=st.sampled_from(["up", "down", "copy", "delete"]))
def test_a_block_that_is_moved_copied_or_left_out_changes_no_other(letter: dict[str, Any], n: int, way: str) -> None:
    blocks = list(read(letter).blocks)
    at = n % len(blocks)
    form = form_of({"en": letter}, zone=ZONE)
    done = read_letter(changed(form, f"{way} doc.en.blocks {items(form, 'doc.en.blocks')[at]}")).documents["en"]
    if way == "copy":
        blocks.insert(at + 1, blocks[at])
    else:
        moved = blocks.pop(at)
        if way != "delete":
            blocks.insert(max(at - 1, 0) if way == "up" else at + 1, moved)
    assert [read({**letter, "blocks": [one]}).blocks[0] for one in done["blocks"]] == blocks


@given(letter=LETTER)
def test_a_copied_language_says_the_same_and_stands_where_it_was(letter: dict[str, Any]) -> None:
    form = form_of(
        {"en": letter, "ru": {"subject": "Р", "blocks": []}, "de": {"subject": "D", "blocks": []}}, zone=ZONE
    )
    copied = read_letter(changed(form | {"from.ru": ["en"]}, "language-copy ru")).documents
    assert list(copied) == ["en", "ru", "de"]
    assert read(copied["ru"]) == read(copied["en"]) == read(letter)


def test_a_language_is_added_as_a_copy_and_taken_away() -> None:
    form = form_of({"en": {"subject": "A", "blocks": [{"kind": "divider"}]}}, zone=ZONE)
    added = changed(form | {"new_language": ["pt_br"]}, "language-add")
    assert languages_of(added) == ["en", "pt-BR"]
    assert read_letter(added).documents["pt-BR"] == read_letter(form).documents["en"]
    assert languages_of(changed(added, "language-delete en")) == ["pt-BR"]


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_block_stands_after_the_chosen_one_and_is_of_its_kind(kind: str) -> None:
    form = form_of({"en": {"subject": "A", "blocks": [{"kind": "divider"}, {"kind": "divider"}]}}, zone=ZONE)
    added = changed(form, f"add doc.en.blocks 1 {kind}")
    assert [one["kind"] for one in read_letter(added).documents["en"]["blocks"]] == ["divider", kind, "divider"]


@pytest.mark.parametrize(
    ("operation", "field"),
    [
        ("", "form"), ("explode", "form"), ("add doc.en.blocks 1 poem", "form"), ("add doc.de.blocks 1 text", "form"),
        ("up doc.en.blocks 9", "form"), ("add doc.en.1.column1 0 html", "form"), ("add nowhere 0 text", "form"),
        ("language-delete en", "form"), ("language-copy en", "from.en"), ("language-add", "new_language"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_refused_at_its_field(operation: str, field: str) -> None:
    form = form_of({"en": {"subject": "A", "blocks": [{"kind": "divider"}]}}, zone=ZONE)
    with pytest.raises(InvalidError) as raised:
        changed(form, operation)
    assert [one.field for one in raised.value.errors] == [field]


@pytest.mark.parametrize(
    ("block", "path", "place"),
    [
        ({"kind": "picture", "url": "", "alt": "A"}, "documents.en.blocks[0].url", "doc.en.1.url"),
        ({"kind": "film", "film": {"title": ""}}, "documents.en.blocks[0].film.title", "doc.en.1.title"),
        ({"kind": "films", "films": [{"title": "A"}, {"title": ""}]}, "documents.en.blocks[0].films[1].title",
         "doc.en.3.title"),
        ({"kind": "columns", "columns": [[{"kind": "text", "text": "A"}], [{"kind": "text", "text": ""}]]},
         "documents.en.blocks[0].columns[1][0].text", "doc.en.3.text"),
        ({"kind": "event", "title": "A", "starts_at": "tomorrow"}, "documents.en.blocks[0].starts_at",
         "doc.en.1.starts_at"),
        ({"kind": "films", "films": []}, "documents.en.blocks[0]", "doc.en.1"),
        ({"kind": "columns", "columns": [[], []]}, "documents.en.blocks[0].columns[0]", "doc.en.1.column1"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_at_its_field(block: dict[str, Any], path: str, place: str) -> None:
    letter = read_letter(form_of({"en": {"subject": "A", "blocks": [block]}}, zone=ZONE))
    with pytest.raises(InvalidError) as raised:
        read(letter.documents["en"])
    assert path in [one.field for one in raised.value.errors]
    assert letter.place_of(path) == place
    assert letter.place_of("category") is None
    assert letter.place_of("documents.en.subject.what") == "doc.en.subject"


def test_a_third_column_that_is_given_up_keeps_its_blocks_in_the_second() -> None:
    columns = [[{"kind": "text", "text": text}] for text in "ABC"]
    form = form_of({"en": {"subject": "A", "blocks": [{"kind": "columns", "columns": columns}]}}, zone=ZONE)
    [block] = read_letter(form | {"doc.en.1.count": ["2"]}).documents["en"]["blocks"]
    assert [[one["text"] for one in column] for column in block["columns"]] == [["A"], ["B", "C"]]
