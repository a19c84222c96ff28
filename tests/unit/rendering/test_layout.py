"""What the layout gives every letter: its direction, its title, its preview line."""

import re
from html.parser import HTMLParser

import pytest

from chalicelib.manifest import CHANNELS
from chalicelib.rendering.imprint import Imprint
from chalicelib.rendering.render import Rendered, Renderer
from tests.unit.rendering.letters import SITE, render, template

Attributes = dict[str, str | None]


def elements(html: str) -> dict[str, Attributes]:
    """The attributes of elements by tag, or by the first word of their class; of the first of each."""
    found: dict[str, Attributes] = {}

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            named = dict(attrs)
            found.setdefault((named.get("class") or tag).split()[0], named)

    Reader().feed(html)
    return found


LINKS = {"preferences": "https://a.example/p", "unsubscribe": "https://a.example/u", "view": "https://a.example/v"}


def html_in(locale: str, *, subject: str = "Hello", html: str = "<p>Body</p>") -> str:
    sources = {"email.subject": subject, "email.html": html}
    letter = template(default_locale=locale, locales={locale: sources})
    return render(letter, locale=locale, links=LINKS).parts["html"]


@pytest.mark.parametrize("locale", ["ar", "ar-EG", "he", "fa", "ur-PK", "az-Arab", "yi"])
def test_a_letter_in_a_language_from_right_to_left_stands_so(locale: str) -> None:
    found = elements(html_in(locale))

    assert (found["html"]["lang"], found["html"]["dir"], found["page"]["dir"]) == (locale, "rtl", "rtl")
    assert found["page"]["class"] == "page rtl"
    assert {found[name]["align"] for name in ("header", "content", "footer")} == {"right"}


@pytest.mark.parametrize("locale", ["ru", "en-GB", "arn", "az", "hsb"])
def test_a_letter_in_any_other_language_stands_from_left_to_right(locale: str) -> None:
    found = elements(html_in(locale))

    assert (found["html"]["dir"], found["page"]["dir"]) == ("ltr", "ltr")
    assert {found[name]["align"] for name in ("header", "content", "footer")} == {"left"}


@pytest.mark.parametrize(
    ("locale", "direction", "unsubscribe"),
    [("ar", "rtl", "إلغاء الاشتراك"), ("he-IL", "rtl", "הסרה"), ("fa", "ltr", "Unsubscribe")],
)
def test_a_footer_stands_as_its_own_words_do(locale: str, direction: str, unsubscribe: str) -> None:
    html = html_in(locale)
    footer = elements(html)["footer"]

    assert (footer["align"], footer["dir"]) == ("right", direction)
    assert unsubscribe in html


def test_mail_programs_learn_the_characters_of_a_letter_before_anything_else() -> None:
    assert html_in("ru").encode().index(b'charset="utf-8"') < 200  # HTML: within the first 1024 bytes


def test_the_title_is_the_subject_whatever_it_says() -> None:
    html = html_in("en", subject="Rock &amp; <b>{{ 'roll' }}")

    assert "<title>Rock &amp;amp; &lt;b&gt;roll</title>" in html


def test_a_title_of_the_author_stays() -> None:
    html = "<!doctype html><html><head><title>Own</title></head><body>a</body></html>"
    assert "<title>Own</title>" in html_in("en", html=html)


def test_what_is_said_in_the_preview_is_followed_by_nothing_else() -> None:
    html = html_in("en", html="<preheader>Preview</preheader><p>Body</p>")
    shown = re.search(r'<div class="preheader"[^>]*>(.*?)</div>', html, re.DOTALL)

    assert shown is not None
    assert shown[1].startswith("Preview\u034f")
    assert shown[1].count("\u034f") == 100
    assert "\u034f" not in html_in("en")  # without a preview line the letter's own words are shown


def test_no_style_of_a_letter_looks_like_hidden_text() -> None:
    """SpamAssassin's and rspamd's rules about letters of no size, or of the colour of what is behind them."""
    html = html_in("en", html="<preheader>Preview</preheader><p>Body</p>")
    found = elements(html)

    assert "color" not in str(found["preheader"]["style"])
    assert "opacity" not in str(found["preheader"]["style"])
    assert "font-size: 0" not in html


def test_each_link_of_the_html_is_in_the_text() -> None:
    parts = render(template(), links=LINKS).parts

    assert sorted(re.findall(r'href="([^"]+)"', parts["html"])) == sorted(
        re.findall(r"\((https[^)]+)\)", parts["text"])
    )
    assert len(re.findall("https:", parts["text"])) == 4


LEGAL = {
    "en": {"company": "Cinema <Ltd>", "address": "1 Strand, London", "line": "No. 1042"},
    "ru": {"company": "ООО «Кино»", "address": "", "line": ""},
}


def signed(locale: str, imprint: Imprint) -> Rendered:
    letter = template(default_locale=locale, locales={locale: {"email.subject": "a", "email.html": "<p>b</p>"}})
    return Renderer(channels=CHANNELS, site=SITE, imprint=lambda: imprint).render(
        letter, channel="email", locale=locale, context={}
    )


@pytest.mark.parametrize(
    ("locale", "company"), [("ru-RU", "ООО «Кино»"), ("en-GB", "Cinema <Ltd>"), ("de", "ООО «Кино»")]
)
def test_a_footer_says_whose_letter_it_is_in_its_language_or_the_default_one(locale: str, company: str) -> None:
    parts = signed(locale, Imprint(LEGAL, default="ru")).parts

    assert company in parts["text"]
    assert company.replace("<", "&lt;").replace(">", "&gt;") in parts["html"]


def test_a_footer_has_each_line_of_the_company_and_the_age_mark() -> None:
    parts = signed("en", Imprint(LEGAL, age_mark="18+")).parts

    assert parts["text"].endswith("Cinema <Ltd>\n1 Strand, London\nNo. 1042\n\n18+\n")


def test_a_language_that_nobody_has_written_for_has_some_company_rather_than_none() -> None:
    assert "Cinema" in signed("de", Imprint({"en": LEGAL["en"]}, default="fr")).parts["text"]


def test_a_company_in_another_language_than_the_letter_keeps_its_own_direction() -> None:
    html = signed("ar", Imprint(LEGAL)).parts["html"]
    assert '<p dir="auto"' in html


def test_a_logo_says_the_sites_name_where_it_is_not_shown() -> None:
    parts = signed("en", Imprint(logo={"url": "https://cdn.example/logo.png", "width": 180})).parts

    logo = elements(parts["html"])["logo"]
    assert (logo["src"], logo["width"], logo["alt"]) == ("https://cdn.example/logo.png", "180", "Cinema")
    assert parts["text"].startswith("Cinema (https://cinema.example)\n")


def test_without_settings_there_is_the_wordmark_and_no_empty_line() -> None:
    parts = signed("en", Imprint()).parts

    assert "logo" not in elements(parts["html"])
    assert "<p></p>" not in parts["html"]
    assert "None" not in parts["html"]
