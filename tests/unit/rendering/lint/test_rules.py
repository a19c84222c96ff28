"""Each rule has a letter in which it finds something, and one that is nearly the same in which it does not."""

from collections.abc import Mapping
from typing import Any

import pytest

from chalicelib.rendering.lint.lint import Occasion, lint, of_languages
from chalicelib.rendering.lint.model import Finding
from chalicelib.rendering.lint.registry import OF_LANGUAGES, RULES
from chalicelib.rendering.lint.severity import Severity
from tests.unit.rendering.letters import renderer, template

WHOLE = (
    '<html><head></head><body><div style="display:none">What is on</div><p>Hello</p>{}'
    '<p><a href="{{{{ links.unsubscribe }}}}">Unsubscribe</a></p></body></html>'
)
LONG = "It is the story of a lighthouse keeper and of the ship that came too late. "
FILM = '<img src="https://kino.example/a.jpg" width="600" alt="A lighthouse">'
DARK = "<style>@media (prefers-color-scheme: dark) { .sheet { background: #111 !important } %s }</style>"
SHEET = '<div class="sheet" style="background: #fff"><p style="color: #222">a</p></div>'


def found_in(html: str, **fields: Any) -> list[Finding]:
    made = lint(template(html=html, **fields), renderer=renderer(), occasion=Occasion(cids=()))
    return [one for letter in made for one in letter.findings]


def codes(html: str, **fields: Any) -> set[str]:
    return {one.code for one in found_in(html, **fields)}


def page(html: str) -> str:
    """A letter that is a whole document, without the shared layout."""
    return WHOLE.format(html)


def link(address: str, text: str = "The film") -> str:
    return f'<p><a href="{address}">{text}</a></p>'


# code: (a letter with it, one without)
HTML: Mapping[str, tuple[str, str]] = {
    "unsubscribe_link_missing": ("<html><body><p>Hello</p></body></html>", page("")),
    "unsafe_address": (link("javascript:alert(1)"), link("https://kino.example/javascript:1")),
    "relative_address": (link("/films/7"), link("https://kino.example/films/7")),
    "forbidden_element": ('<form action="https://kino.example"><p>a</p></form>', "<p>form</p>"),
    "meta_refresh": (
        page("").replace("<head>", '<head><meta http-equiv="Refresh" content="0;url=https://kino.example">'),
        page("").replace("<head>", '<head><meta http-equiv="Content-Type" content="text/html">'),
    ),
    "event_handler": ('<p onclick="go()">a</p>', '<p title="onclick">a</p>'),
    "preheader_missing": ("<p>Hello</p>", "<preheader>What is on</preheader><p>Hello</p>"),
    "preheader_repeats_subject": ("<preheader>Hello!</preheader><p>a</p>", "<preheader>What is on</preheader><p>a</p>"),
    "picture_without_alt": (FILM.replace('alt="A lighthouse"', ""), FILM.replace("A lighthouse", "")),
    "picture_without_width": (FILM.replace('width="600"', ""), FILM),
    "wide_picture": (FILM.replace("600", "601"), FILM),
    "link_without_text": (
        link("https://kino.example", FILM.replace("A lighthouse", "")),
        link("https://k.example", FILM),
    ),
    "vague_link_text": (link("https://kino.example", "Click here!"), link("https://kino.example", "Here it is")),
    "link_shows_another_host": (
        link("https://thief.example/login", "https://kino.example/login"),
        link("https://www.kino.example/7", "kino.example"),
    ),
    "too_many_links": (
        "".join(link(f"https://kino.example/{n}") for n in range(40)),
        40 * link("https://kino.example/1"),
    ),
    "insecure_address": (link("http://kino.example"), link("https://kino.example")),
    "unusual_scheme": (link("kino://film/7"), link("tel:+74951234567")),
    "reserved_host": (link("https://www.example.com/film"), link("https://example.community/film")),
    "clipped_by_gmail": (f"<p>{'word ' * 21_000}</p>", f"<p>{'word ' * 15_000}</p>"),
    "tiny_text": ('<p style="font-size: 8pt">a</p>', '<p style="font-size: 9pt">a</p>'),
    "low_contrast": (
        '<p style="color: #999; background: white">a</p>',
        '<p style="color: #999; background: url(https://kino.example/a.png)">a</p>',
    ),
    "low_contrast_in_dark": (DARK % "" + SHEET, DARK % ".sheet p { color: #eee !important }" + SHEET),
    "placeholder_text": ("<p>Lorem ipsum dolor</p>", "<p>What is left to do</p>"),
    "foreign_merge_tag": ("<p>Hello *|FNAME|*</p>", "<p>100% FREE, 50% of [1]</p>"),
    "another_language": (f"<p>{3 * 'Смотритель маяка ждёт корабль. '}</p>", f"<p>{LONG}«Маяк».</p>"),
}
SUBJECT: Mapping[str, tuple[str, str]] = {
    "long_subject": ("a" * 61, "a" * 60),
    "subject_in_capitals": ("LAST DAY OF SALE", "NASA and a film"),
    "exclamation_marks": ("Hurry! Today!", "Hurry!"),
}
TEXT: Mapping[str, tuple[str, str]] = {
    "text_unsubscribe_missing": ("Hello", "Hello {{ links.unsubscribe }}"),
    "text_differs": (
        "Something else {{ links.unsubscribe }}",
        f"{LONG} {{{{ links.unsubscribe }}}} https://kino.example",
    ),
}
LANGUAGES: Mapping[str, tuple[dict[str, str], dict[str, str]]] = {
    "translation_missing": (
        {"email.subject": "Маяк", "email.html": "<p>Маяк</p>"},
        {"email.subject": "Маяк", "email.html": "<p>Маяк</p>", "sms": "Маяк"},
    ),
    "not_translated": (
        {"email.subject": "Маяк", "email.html": "<p>Маяк</p>", "sms": "Low Water is here {{ film }}"},
        {"email.subject": "Маяк", "email.html": "<p>Маяк</p>", "sms": "«Маяк» уже здесь"},
    ),
}


@pytest.mark.parametrize("code", HTML)
def test_a_rule_finds_what_it_is_for_and_nothing_else(code: str) -> None:
    with_it, without = HTML[code]

    assert code in codes(with_it)
    assert code not in codes(without)


@pytest.mark.parametrize("code", SUBJECT)
def test_a_rule_of_the_subject_finds_what_it_is_for_and_nothing_else(code: str) -> None:
    with_it, without = SUBJECT[code]

    assert code in codes("<p>a</p>", subject=with_it)
    assert code not in codes("<p>a</p>", subject=without)


@pytest.mark.parametrize("code", TEXT)
def test_a_rule_of_an_own_text_finds_what_it_is_for_and_nothing_else(code: str) -> None:
    with_it, without = TEXT[code]
    html = page(f"<p>{LONG}</p>{link('https://kino.example')}")

    assert code in codes(html, text=with_it)
    assert code not in codes(html, text=without)


@pytest.mark.parametrize("code", LANGUAGES)
def test_a_rule_of_languages_finds_what_it_is_for_and_nothing_else(code: str) -> None:
    english = {"email.subject": "a", "email.html": "<p>a</p>", "sms": "Low Water is here"}
    with_it, without = LANGUAGES[code]

    for russian, expected in ((with_it, True), (without, False)):
        letter = template(locales={"en": english, "ru": russian}, extra_channels=["sms"])
        assert ((code, "locales.ru.sms") in {(one.code, one.place) for one in of_languages(letter)}) is expected


def test_every_rule_has_its_two_letters() -> None:
    assert {*HTML, *SUBJECT, *TEXT, "unattached_picture"} == set(RULES)
    assert set(LANGUAGES) == set(OF_LANGUAGES)


def test_a_careful_letter_has_nothing_to_find() -> None:
    assert found_in(f"<preheader>What is on</preheader><h1>Tonight</h1>{link('https://kino.example')}{FILM}") == []


@pytest.mark.parametrize(
    "address",
    [
        "JavaScript:alert(1)",
        " javascript:alert(1)",
        "java&#10;script:alert(1)",
        "data:text/html,a",
        "vbscript:a",
        "file:///a",
    ],
)
def test_a_dangerous_address_is_found_however_it_is_spelt(address: str) -> None:
    assert "unsafe_address" in codes(link(address))


@pytest.mark.parametrize(
    "html",
    [
        '<img src="data:image/gif;base64,R0" width="1" alt="">',
        '<p style="background-image: url(data:image/gif;base64,R0)">a</p>',
        '<table background="data:image/gif;base64,R0"><tr><td>a</td></tr></table>',
        '<img srcset="https://kino.example/a.png 1x, data:image/gif;base64,R0 2x" alt="" width="1">',
    ],
)
def test_a_dangerous_address_is_found_wherever_it_stands(html: str) -> None:
    assert "unsafe_address" in codes(html)


@pytest.mark.parametrize("address", ["", "#", "films/7", "//kino.example/7", "?a=1", "None"])
def test_an_address_without_a_host_is_refused(address: str) -> None:
    assert "relative_address" in codes(link(address))


@pytest.mark.parametrize("tag", ["embed", "object", "video", "audio", "input", "textarea", "button", "base"])
def test_what_mail_programs_drop_is_refused(tag: str) -> None:
    assert "forbidden_element" in codes(f"<{tag}></{tag}>")


@pytest.mark.parametrize(
    "hidden",
    [
        '<div style="display: none">{}</div>',
        '<div style="font-size:0px">{}</div>',
        '<div style="max-height:0;overflow:hidden"><b>{}</b></div>',
        "<div hidden>{}</div>",
        "<!-- {} -->",
    ],
)
def test_a_link_that_nobody_sees_is_no_link_to_unsubscribe(hidden: str) -> None:
    link_ = '<a href="{{ links.unsubscribe }}">Unsubscribe</a>'

    assert "unsubscribe_link_missing" in codes(f"<html><body><p>a</p>{hidden.format(link_)}</body></html>")


def test_a_link_to_unsubscribe_may_be_a_picture_with_a_text() -> None:
    button = '<a href="{{ links.unsubscribe }}"><img src="https://kino.example/a.png" width="9" alt="Unsubscribe"></a>'

    assert "unsubscribe_link_missing" not in codes(f"<html><body>{button}</body></html>")


def test_an_account_letter_needs_no_link_to_unsubscribe() -> None:
    assert "unsubscribe_link_missing" not in codes("<html><body><p>a</p></body></html>", category="account")


@pytest.mark.parametrize(("cids", "found"), [(["poster"], False), ([], True), (["still"], True), (None, False)])
def test_a_picture_by_cid_has_to_be_attached_where_the_attachments_are_known(
    cids: list[str] | None, found: bool
) -> None:
    letter = template(html='<img src="cid:poster" width="9" alt="">')

    (made,) = lint(letter, renderer=renderer(), occasion=Occasion(context={}, cids=cids))

    assert ("unattached_picture" in {one.code for one in made.findings}) is found


def test_a_finding_names_the_line_of_the_source() -> None:
    found = found_in("<p>Hello</p>\n<p>a</p>\n" + link("/films/7"))

    assert [(one.place, one.line) for one in found if one.severity is Severity.ERROR] == [("locales.en.email.html", 3)]


def test_the_data_of_a_campaign_are_looked_at_and_those_of_the_sample_are_nobodys_language() -> None:
    russian = 3 * "Смотритель маяка ждёт корабль. "
    letter = template(html="<p>{{ text }}</p>", sample={"context": {"text": russian}})

    def told(occasion: Occasion) -> set[str]:
        return {one.code for made in lint(letter, renderer=renderer(), occasion=occasion) for one in made.findings}

    assert "another_language" not in told(Occasion())
    assert "another_language" in told(Occasion(context={"text": russian}))
    assert "foreign_merge_tag" in told(Occasion(context={"text": "{{ user.name }}, hello"}))


def test_large_and_bold_text_needs_less_contrast() -> None:
    grey = '<p style="color: #888; background: #fff; {}">a</p>'

    assert "low_contrast" in codes(grey.format("font-size: 16px"))
    assert "low_contrast" in codes(grey.format("font-size: 20px"))
    assert "low_contrast" not in codes(grey.format("font-size: 20px; font-weight: bold"))
    assert "low_contrast" not in codes(grey.format("font-size: 24px"))


@pytest.mark.parametrize(
    "html",
    [
        100_000 * "a " + "<p>a</p>",
        "".join(f'<a href="https://kino.example/{n}">{n}</a> ' for n in range(3_000)),
        "<div>" * 240 + "a" + "</div>" * 240,
        '<p style="' + 20_000 * "a:(" + '">a</p>',
        "<p>" + 10_000 * "[[ *| {{ '{{' }} <%= " + "</p>",
    ],
)
def test_a_huge_letter_is_checked_in_bounded_time_and_words(html: str) -> None:
    made = lint(template(html=html), renderer=renderer())

    assert all(len(one.findings) < 20 * len(RULES) for one in made)
