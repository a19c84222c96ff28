"""One letter: its locale, its subject, what it names when something is missing."""

from email import message_from_bytes
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.errors import RenderError
from tests.unit.rendering.letters import render, rendered_text, renderer, template

LOCALES = {
    "en": {"email.subject": "Hello", "email.html": "<p>Hello</p>"},
    "ru": {"email.subject": "Привет", "email.html": "<p>Привет</p>"},
    "pt-BR": {"email.subject": "Olá", "email.html": "<p>Olá</p>"},
}


@pytest.mark.parametrize(
    ("wanted", "used"), [("ru", "ru"), ("ru-RU", "ru"), ("pt-BR", "pt-BR"), ("pt", "en"), ("de", "en")]
)
def test_a_letter_is_written_in_the_nearest_locale(wanted: str, used: str) -> None:
    letter = render(template(locales=LOCALES), locale=wanted)

    assert letter.locale == used
    assert letter.parts["subject"] == LOCALES[used]["email.subject"]


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("{{ series }}", "series"),
        ("{{ films[0].title }}", "films[0].title"),
        ("{% for film in films %}{{ film.title }}{% endfor %}", "films[0].title"),
        ("{{ user.attributes.city }}", "user.attributes.city"),
        ("{{ films[9] }}", "films[9]"),
        ("{% if films[0].title %}{% endif %}", "films[0].title"),
        ("{{ series ~ 'a' }}", "series"),
        ("{{ series|upper }}", "series"),
        ("{{ series|number }}", "series"),
        ("{{ series|date }}", "series"),
        ("{{ series|plural('a', 'b') }}", "series"),
        ("{{ series|join }}", "series"),
        ("{{ series + 1 }}", "series"),
        ("{{ series == 1 }}", "series"),
        ("{% for one in series %}{% endfor %}", "series"),
        ("{{ service.confirmation_url }}", "service.confirmation_url"),
    ],
)
def test_a_missing_variable_is_named_by_its_path(source: str, name: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered_text(source, {"films": [{"url": "a"}]})

    assert caught.value.reason == f"undefined variable: {name}"


def test_an_optional_variable_may_be_absent() -> None:
    letter = template(text="{{ 'a' if note else 'b' }}", variables={"note": {"type": "string", "required": False}})

    assert render(letter).parts["text"] == "b\n"


@given(st.text() | st.text(alphabet="ab :\r\n\v\f\x00\x1c\x85\u2028\u2029"))
@example("a\r\nBcc: b@b.example")
@example("word " * 400)
def test_a_subject_is_one_short_line_whatever_is_in_it(text: str) -> None:
    """Promise E1: no variable can break a subject, or a header behind it."""
    subject = render(template(subject="New: {{ x }}"), {"x": text}).parts["subject"]

    assert len(subject.splitlines()) == 1
    assert len(subject) <= 200
    message = EmailMessage()
    message["Subject"] = subject
    assert message_from_bytes(message.as_bytes()).keys() == ["Subject"]


@pytest.mark.parametrize("empty", ["", " \u2028 ", "\x00\ufeff\u200b"])
def test_a_letter_without_a_subject_is_no_letter(empty: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(template(subject="{{ x }}"), {"x": empty})

    assert caught.value.reason == "empty_subject"


def test_a_long_subject_is_cut_between_two_words() -> None:
    rendered = render(template(subject="{{ x }}"), {"x": "премьера " * 100})

    assert rendered.parts["subject"].endswith("премьера…")
    assert 180 < len(rendered.parts["subject"]) <= 200
    assert rendered.cut == ["subject"]
    assert len(render(template(subject="{{ x }}"), {"x": "ы" * 900}).parts["subject"]) == 200


@pytest.mark.parametrize("context", [{"s": {"films": []}}, {"s": {}}, {"s": {"films": 0}}, {"s": None}, {}])
def test_a_letter_whose_template_has_nothing_to_say_is_not_made(context: dict[str, Any]) -> None:
    """Promise E7: what the template names must have something in it."""
    with pytest.raises(RenderError) as caught:
        render(template(nothing_without=["s.films"]), context)

    assert caught.value.reason == "nothing_to_say"


def test_a_subject_is_trimmed_and_not_escaped() -> None:
    assert render(template(subject="\n {{ x }} \n"), {"x": "Q & A"}).parts["subject"] == "Q & A"


def test_html_is_escaped() -> None:
    assert "&lt;script&gt;" in render(template(html="<p>{{ x }}</p>"), {"x": "<script>"}).parts["html"]


@pytest.mark.parametrize("channel", ["email", "pigeon"])
def test_a_letter_without_its_parts_is_refused(channel: str) -> None:
    with pytest.raises(RenderError) as caught:
        render(template(locales={"en": {"email.subject": "Hello"}}), channel=channel)

    assert caught.value.reason == "missing_part"


def test_a_letter_is_compiled_once() -> None:
    press = renderer()

    first = press.compiled(template(), channel="email", locale="en")

    assert press.compiled(template(), channel="email", locale="en-GB") is first


def test_an_unsaved_text_under_the_same_version_is_not_taken_for_the_saved() -> None:
    press = renderer()
    for subject in ("One", "Two", "One"):
        letter = press.render(template(subject=subject), channel="email", locale="en", context={})
        assert letter.parts["subject"] == subject


@pytest.mark.parametrize(
    ("locale", "source", "expected"),
    [
        ("ru", "{{ 1234567.5|number }}", "1\u00a0234\u00a0567,5"),
        ("en", "{{ 1234567.5|number(2) }}", "1,234,567.50"),
        ("ru", "{{ '2026-11-02'|date }}", "2\u00a0ноября 2026"),
        ("en", "{{ '2026-11-02T22:30:00Z'|date }}", "3\u00a0November 2026"),
        ("en", "{{ '2026-11-02T22:30:00Z'|time }}", "01:30"),
        ("ru", "{{ [1, 2, 5, 11, 12, 21, 1.5]|map('plural', 'а', 'б', 'в')|join }}", "абввваб"),
        ("en", "{{ [0, 1, 2]|map('plural', 'film', 'films')|join(' ') }}", "films film films"),
        ("ru", "{{ '2026-11-02'|date('short') }}", "2\u00a0ноября"),
        ("en", "{{ '2026-11-02'|date('short') }}", "2\u00a0November"),
        ("de", "{{ '2026-11-02'|date('short') }}", "2. November"),
        ("ru", "{{ 1299|money('RUB') }}", "1\u00a0299\u00a0₽"),
        ("ru", "{{ 299.5|money('RUB') }}", "299,50\u00a0₽"),
        ("en", "{{ 9.99|money('EUR') }}", "€9.99"),
        ("en", "{{ 5|money('USD') }}", "$5"),
        ("de", "{{ 5|money('EUR') }}", "5\u00a0€"),
        ("en", "{{ 1500|money('JPY') }}", "¥1,500"),
        ("de", "{{ 1234567.5|number(2) }}", "1.234.567,50"),
        ("de", "{{ '2026-11-22'|date }}", "22. November 2026"),
        ("de", "{{ [0, 1, 2]|map('plural', 'Film', 'Filme')|join(' ') }}", "Filme Film Filme"),
        (
            "pl",
            "{{ [1, 2, 5, 22, 1.5]|map('plural', 'film', 'filmy', 'filmów')|join(' ') }}",
            "film filmy filmów filmy filmy",
        ),
        ("xx", "{{ [0, 1]|map('plural', 'film', 'films')|join(' ') }}", "films film"),
        ("en", "{{ 'а б&'|urlencode }}", "%D0%B0%20%D0%B1%26"),
        ("en", "{{ 2.567|round(1) }} {{ 2.5|round }}", "2.6 2"),
    ],
)
def test_values_are_written_as_the_reader_writes_them(locale: str, source: str, expected: str) -> None:
    letter = template(
        locales={one: {"email.subject": "a", "email.html": "b", "email.text": source} for one in {"en", locale}}
    )

    text = render(letter, locale=locale, user={"timezone": "Europe/Moscow"}).parts["text"]

    assert text == f"{expected}\n"


@pytest.mark.parametrize(
    "source",
    [
        "{{ 'a'|number }}",
        "{{ 1|plural('a') }}",
        "{{ 'a'|date }}",
        "{{ ['a']|sum }}",
        "{{ 'a'|money('RUB') }}",
        "{{ 1|money('beans') }}",
        "{{ true|money('RUB') }}",
        "{{ '2026-01-01'|date('tiny') }}",
    ],
)
def test_a_filter_refuses_what_it_cannot_write(source: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered_text(source)

    assert caught.value.reason == "template_error"


@pytest.mark.parametrize("name", ["Mars/Base", "America", "../../etc/passwd", "", 5])
def test_a_time_zone_that_does_not_exist_is_utc(name: object) -> None:
    assert rendered_text("{{ '2026-11-02T22:30:00Z'|time }}", user={"timezone": name}) == "22:30"
