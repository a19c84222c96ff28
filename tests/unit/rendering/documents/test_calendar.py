"""An event of a letter as an entry of the reader's calendar (RFC 5545)."""

import re
from typing import Any

import pytest

from chalicelib.errors import RenderError
from chalicelib.rendering.documents.document_sources import at_blocks, without_made
from tests.unit.rendering.documents.letters import CONTEXT, letter, text
from tests.unit.rendering.letters import render, renderer, template

PREMIERE = {
    "kind": "event",
    "title": "{{ title }}; part 2, a premiere",
    "starts_at": "2026-12-01T18:00:00+03:00",
    "ends_at": "2026-12-01T20:30:00+03:00",
    "place": "The hall\\cellar",
    "url": "{{ url }}",
    "description": "Doors at five.\nBring {{ user.name | 'a friend' }}.",
}


def entry(*blocks: dict[str, Any], locale: str = "en", user: dict[str, Any] | None = None, **fields: Any) -> str:
    made = renderer().render(
        letter(*blocks, **fields), channel="email", locale=locale, context=CONTEXT, user=user or {}
    )
    return made.parts["calendar"]


def unfolded(entry: str) -> list[str]:
    return re.sub(r"\r\n[ \t]", "", entry).split("\r\n")


def test_an_event_is_a_calendar_entry_in_utc_with_its_texts_escaped() -> None:
    lines = unfolded(entry(PREMIERE, user={"name": "Anna"}))

    assert lines[0] == "BEGIN:VCALENDAR"
    assert lines[-2:] == ["END:VCALENDAR", ""]
    assert {"VERSION:2.0", "METHOD:PUBLISH", "BEGIN:VEVENT", "END:VEVENT"} <= set(lines)
    assert [line for line in lines if line.startswith("DT")] == [
        "DTSTAMP:20261201T150000Z",
        "DTSTART:20261201T150000Z",
        "DTEND:20261201T173000Z",
    ]
    assert "SUMMARY:Low <Water>\\; part 2\\, a premiere" in lines
    assert "LOCATION:The hall\\\\cellar" in lines
    assert "DESCRIPTION:Doors at five.\\nBring Anna." in lines
    assert "URL:https://cinema.example/1" in lines


def test_the_letter_says_the_date_in_words_in_both_parts() -> None:
    made = render(letter(PREMIERE), CONTEXT).parts
    for part in ("html", "text"):
        assert "1\xa0December 2026, 15:00" in made[part]


def test_lines_are_folded_at_75_octets_and_never_inside_a_letter() -> None:
    title = "Очень длинное название фильма, которое не помещается в одну строку 🎬" * 2
    made = entry({**PREMIERE, "title": title[:120]})

    assert made.endswith("\r\n")
    assert "\n" not in made.replace("\r\n", "")
    assert max(len(line.encode()) for line in made.split("\r\n")) <= 75
    assert "SUMMARY:" + title[:120].replace(",", "\\,") in unfolded(made)


def test_what_is_left_out_has_no_line() -> None:
    made = entry({"kind": "event", "title": "Premiere", "starts_at": "2026-12-01T18:00:00Z"})
    names = [line.partition(":")[0] for line in unfolded(made)]
    assert not {"DTEND", "LOCATION", "URL", "DESCRIPTION"} & set(names)


def test_one_event_has_one_uid_for_all_readers_and_another_event_another() -> None:
    def uid(made: str) -> list[str]:
        return [line for line in unfolded(made) if line.startswith("UID:")]

    first = uid(entry(PREMIERE, user={"name": "Anna"}))
    assert first == uid(entry(PREMIERE, user={"name": "Boris"})) == uid(entry({**PREMIERE, "title": "Other words"}))
    assert first != uid(entry({**PREMIERE, "starts_at": "2026-12-01T19:00:00+03:00"}))
    assert len(set(uid(entry(PREMIERE, PREMIERE)))) == 2


def test_readers_without_the_event_get_no_entry() -> None:
    shown = {**PREMIERE, "title": "Premiere", "show_if": "price"}
    made = render(letter(shown, text("Hello")), {**CONTEXT, "price": None})
    assert made.parts["calendar"] == ""
    assert "BEGIN:VEVENT" in render(letter(shown, text("Hello")), {**CONTEXT, "price": 5}).parts["calendar"]


def test_a_letter_without_an_event_has_no_such_part() -> None:
    assert "email.calendar" not in letter(text("Hello")).locales["en"]


def test_a_name_with_line_breaks_adds_no_property() -> None:
    hostile = {**CONTEXT, "title": "Anna\r\nATTENDEE:mailto:x@y.example"}
    made = render(letter(PREMIERE), hostile).parts["calendar"]
    assert "SUMMARY:Anna\\nATTENDEE" in made
    assert not any(line.startswith("ATTENDEE") for line in unfolded(made))


def test_who_writes_jinja_has_the_same_filters() -> None:
    source = "BEGIN:VEVENT\nSUMMARY:{{ title|ics }}\nDTSTART:{{ day|ics_time }}\nEND:VEVENT"
    sources = {"email.subject": "x", "email.html": "<p>x</p>", "email.calendar": source}
    written = template(locales={"en": sources})

    made = render(written, {"title": "a, b", "day": "2026-12-01T18:00:00+03:00"}).parts["calendar"]

    assert made == "BEGIN:VEVENT\r\nSUMMARY:a\\, b\r\nDTSTART:20261201T150000Z\r\nEND:VEVENT\r\n"
    for day in ("2026-12-01", "soon", 5):
        with pytest.raises(RenderError, match="a date with a time and an offset"):
            render(written, {"title": "x", "day": day})


def test_the_part_belongs_to_the_document() -> None:
    made = letter(PREMIERE)
    assert "email.calendar" not in without_made(made.model_dump(mode="json"))["locales"]["en"]
    assert at_blocks([], made) == []
