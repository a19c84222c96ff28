"""What a letter made of blocks says, and what is refused at which field."""

from typing import Any

import pytest

from chalicelib.errors import InvalidError
from chalicelib.manifest import CHANNELS
from chalicelib.rendering.checks import check
from chalicelib.rendering.documents.document_sources import at_blocks, with_sources, without_made
from chalicelib.rendering.documents.letter_blocks import KINDS
from chalicelib.rendering.render import Renderer, Site
from tests.unit.rendering.documents.letters import CONTEXT, letter, template, text

RENDERER = Renderer(channels=CHANNELS, site=Site(name="Cinema", url="https://cinema.example"))
POSTER = "https://cinema.example/1.jpg"
EVERY: dict[str, dict[str, Any]] = {
    "heading": {"text": "Tonight", "eyebrow": "New"},
    "text": {"text": "Hello"},
    "picture": {"url": POSTER, "alt": "A river at dawn", "link": "{{ url }}"},
    "button": {"label": "Watch", "url": "{{ url }}"},
    "film": {"film": {"title": "{{ title }}", "year": "2026", "genre": "drama", "age": "12+", "poster": POSTER}},
    "films": {"from": "films", "per_row": 2},
    "quote": {"text": "Beautiful", "author": "A critic"},
    "panel": {"label": "Season 2", "title": "The return", "text": "An *episode*"},
    "divider": {},
    "columns": {"columns": [[text("left")], [text("right"), {"kind": "button", "label": "Go", "url": POSTER}]]},
    "coupon": {"code": "KINO-12", "label": "Your code", "note": "until May"},
    "event": {"title": "Premiere", "starts_at": "2026-12-01T18:00:00+03:00", "place": "The hall"},
    "html": {"html": "{% for film in films %}<p>{{ film.title }}</p>{% endfor %}"},
}


def parts(*blocks: dict[str, Any], user: dict[str, Any] | None = None, **fields: Any) -> Any:
    made = letter(*blocks, **fields)
    return RENDERER.render(
        made, channel="email", locale="en", context=CONTEXT, user={"name": "Anna"} if user is None else user
    ).parts


def mistakes(*blocks: dict[str, Any], **fields: Any) -> dict[str, str]:
    with pytest.raises(InvalidError) as refused:
        with_sources(template(*blocks, **fields))
    return {one.field: str(one.message) for one in refused.value.errors}


def test_every_kind_of_block_makes_a_letter_without_a_mistake() -> None:
    assert set(EVERY) == set(KINDS)
    made = letter(*({"kind": kind, **fields} for kind, fields in EVERY.items()))

    assert check(made, renderer=RENDERER, channels=CHANNELS) == []


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("heading", "Tonight"),
        ("button", "Watch (https://cinema.example/1)"),
        ("film", "Low <Water>"),
        ("film", "2026 · drama · 12+"),
        ("films", "Second"),
        ("quote", "A critic"),
        ("panel", "The return"),
        ("columns", "right"),
        ("coupon", "KINO-12"),
        ("event", "1\xa0December 2026, 15:00"),
        ("html", "First"),
    ],
)
def test_what_a_block_says_is_in_both_parts(kind: str, said: str) -> None:
    made = parts({"kind": kind, **EVERY[kind]})

    assert said in made["text"]
    assert said.split(" (")[0].replace("<", "&lt;").replace(">", "&gt;") in made["html"]


def test_markdown_makes_emphasis_links_lists_and_line_breaks() -> None:
    html = parts(text("**Bold** and *thin*\nnext [there](https://cinema.example/a?b=1&c=2)\n\n- one\n- two"))["html"]

    assert "<strong>Bold</strong> and <em>thin</em><br>" in html
    assert 'href="https://cinema.example/a?b=1&amp;c=2"' in html
    assert html.count("<li>") == 2


def test_html_and_jinja_in_a_text_are_text() -> None:
    made = parts(text("<b>no</b> {% if x %} {# y #} {z} &amp;"), subject="Save {%20%}", preheader="<i> {now}")

    assert "&lt;b&gt;no&lt;/b&gt; {% if x %} {# y #} {z} &amp;amp;" in made["html"]
    assert made["subject"] == "Save {%20%}"
    assert "&lt;i&gt; {now}" in made["html"]


def test_a_value_is_escaped_wherever_a_merge_tag_puts_it() -> None:
    made = parts(
        text("{{ title }}"), {"kind": "button", "label": "{{ title }}", "url": "https://a.example/?q={{ title }}"}
    )

    assert made["html"].count("Low &lt;Water&gt;") == 2
    assert 'href="https://a.example/?q=Low%20%3CWater%3E"' in made["html"]


@pytest.mark.parametrize(
    ("tag", "named", "unnamed"),
    [
        ('{{ user.name | "friend" }}', "Anna", "friend"),
        ("{{user.name|friend of cinema}}", "Anna", "friend of cinema"),
        ('{{ user.name | default("friend") }}', "Anna", "friend"),
        ('{{ user.name | default: "friend" }}', "Anna", "friend"),
        ("{{ user.name or 'friend' }}", "Anna", "friend"),
        ("{{ user.name | “friend” }}", "Anna", "friend"),
        ("{{ user.name | «друг» }}", "Anna", "друг"),
        ('{{ user.name ", here" | "Here" }}', "Anna, here", "Here"),
        ('{{ ", " user.name | "" }}!', ", Anna!", "!"),
        ("{{ title }}", "Low <Water>", "Low <Water>"),
        ("{{ day | date }}", "1\xa0December 2026", "1\xa0December 2026"),
        ('{{ "for " price " only" | number | free }}', "free", "free"),
        ('{{ month.genre | "drama" }}', "drama", "drama"),
        ("{{ month.hours | number }}", "3", "3"),
        ('{{ user.attributes.city | "your city" }}', "your city", "your city"),
    ],
)
def test_a_merge_tag_is_understood_as_people_write_it(tag: str, named: str, unnamed: str) -> None:
    assert parts(text("Hello"), subject=f"To {tag}")["subject"] == f"To {named}"
    assert parts(text("Hello"), subject=f"To {tag}", user={})["subject"] == f"To {unnamed}"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("{{ user.nick }}", "there is no merge tag `user.nick`"),
        ("{{ user.name }}", "may be empty: expected a fallback"),
        ("{{ price }}", "may be empty"),
        ("{{ month.genre }}", "may be empty"),
        ("{{ films }}", "is a list"),
        ("{{ month }}", "is a object"),
        ("{{ title | date }}", "cannot be written as a date"),
        ("{{ title", "is not closed"),
        ("{{ }}", "expected a merge tag such as"),
        ("{{ 7*7 }}", "expected a merge tag such as"),
        ("{{ title|upper|lower|x }}", "expected a merge tag such as"),
        ("{{ cycler.__init__ }}", "there is no merge tag"),
        ("{{ title.__class__ }}", "there is no merge tag"),
    ],
)
def test_a_merge_tag_of_nobody_is_refused_at_its_field(words: str, why: str) -> None:
    place = "documents.en.blocks[0].text"
    assert why in mistakes(text(words))[place]
    assert why in mistakes(text("Hello"), subject=words)["documents.en.subject"]
    assert why in mistakes(text("Hello"), preheader=words)["documents.en.preheader"]
    assert why in mistakes({"kind": "heading", "text": words})[place]


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "/films", "cinema.example", "{{ title }}", "https://", '{{ links.view | "x" }}']
)
def test_an_address_that_no_letter_may_have_is_refused_at_its_field(url: str) -> None:
    found = mistakes({"kind": "button", "label": "Go", "url": url}, text(f"[go]({url.replace(' ', '')})"))

    assert set(found) == {"documents.en.blocks[0].url", "documents.en.blocks[1].text"}


def test_every_mistake_is_named_at_its_block() -> None:
    found = mistakes(
        {"kind": "film", "film": {"title": "", "year": 3}},
        {"kind": "carousel"},
        {"kind": "picture", "url": POSTER},
        {"kind": "columns", "columns": [[{"kind": "picture", "url": POSTER}], [text("b")]]},
        {"kind": "films", "from": "films", "films": [{"title": "x"}]},
        {"kind": "event", "title": "x", "starts_at": "2026-12-01T18:00:00"},
        {"kind": "event", "title": "x", "starts_at": "2026-12-01T18:00:00Z", "ends_at": "2026-12-01T17:00:00Z"},
    )

    assert set(found) == {
        "documents.en.blocks[0].film.title",
        "documents.en.blocks[0].film.year",
        "documents.en.blocks[1]",
        "documents.en.blocks[2].alt",
        "documents.en.blocks[3].columns[0][0].alt",
        "documents.en.blocks[4]",
        "documents.en.blocks[5].starts_at",
        "documents.en.blocks[6]",
    }
    assert "'heading', 'text'" in found["documents.en.blocks[1]"]


def test_a_block_is_left_out_where_its_variable_is_empty() -> None:
    blocks = [text("Always"), text("Sometimes", show_if="month.genre"), text("Now", show_if="title")]

    assert "Sometimes" not in parts(*blocks)["text"]
    assert "Now" in parts(*blocks)["text"]
    assert "no merge tag" in mistakes(text("x", show_if="nobody"))["documents.en.blocks[0].show_if"]


def test_films_come_from_a_list_alone() -> None:
    assert "type list" in mistakes({"kind": "films", "from": "title"})["documents.en.blocks[0].from"]


def test_sources_that_the_document_makes_cannot_be_written_beside_it() -> None:
    with pytest.raises(InvalidError, match="the letter is not as expected") as refused:
        with_sources(template(text("x"), locales={"en": {"email.html": "<p>y</p>"}}))

    assert [one.field for one in refused.value.errors] == ["locales.en.email.html"]


def test_what_is_read_may_be_stored_again() -> None:
    made = letter(text("x"), locales={"en": {"sms": "x"}})
    body = without_made(made.model_dump(mode="json"))

    assert set(made.locales["en"]) == {"sms", "email.subject", "email.html"}
    assert set(body["locales"]["en"]) == {"sms"}
    assert with_sources(type(made).model_validate(body)) == made


def test_a_mistake_in_a_source_is_told_by_its_block() -> None:
    made = letter(text("x"), {"kind": "html", "html": "<p>\n{{ nobody }}</p>"}, text("y"))

    found = at_blocks(check(made, renderer=RENDERER, channels=CHANNELS), made)

    assert {one.field for one in found} <= {"documents.en.blocks[1]", "documents.en.blocks"}
    assert found
    assert not [one for one in found if "line" in one.message]


def test_a_letter_carries_only_the_macros_that_it_uses() -> None:
    layout = RENDERER.layout

    assert "macro" not in layout.compose("<p>Hello</p>")
    assert "macro film_grid" not in layout.compose("{{ button('a', 'b') }}")
    assert "macro film_poster" in layout.compose("{{ film_grid(films) }}")
