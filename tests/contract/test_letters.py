"""The figures of every shipped letter in every language that need neither a browser nor a spam filter."""

import json
import re
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser
from typing import Any

import pytest

from chalicelib.manifest import CHANNELS
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.shipped import shipped_folder
from chalicelib.rendering.template_store import TemplateStore
from tools.letter_samples import SITE, Shown, shipped_letters
from tools.mail_clients import TABLE, fetched, table

MOST_HTML_BYTES = 60_000
LETTERS = list(shipped_letters())
IDS = [f"{one.key} {one.locale}" for one in LETTERS]
EACH = pytest.mark.parametrize("letter", LETTERS, ids=IDS)
VOID = {"br", "img", "meta"}

# What some program of Gmail or Outlook drops, and what its readers see instead.
FALLBACKS = {
    "css-border-radius": "Outlook for Windows shows square corners",
    "css-box-sizing": "Outlook takes widths from tables; elsewhere a tile that is too wide stands below the other",
    "css-max-height": "of the hidden preheader, which `display: none` hides",
    "css-min-width": "without it a tile may become narrow where the text is large",
    "css-overflow": "of the hidden preheader, which `display: none` hides",
    "css-overflow-wrap": "`word-break` does the same",
    "css-text-wrap": "lines of a heading are of unequal length",
    "css-white-space": "a number in a list may break, where its column is too narrow",
    "css-word-break": "a long word widens the letter in Windows Mail",
    "html-body": "the page's colour is the outer table's, too",
    "html-role": "a screen reader names the tables of the layout",
    "html-style": "rules are inlined; what is left is for phones and the dark",
}


class Reader(HTMLParser):
    """What somebody sees: texts with what is not meant for the text part apart, and links."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self.links: list[str] = []
        self.names: set[str] = set()
        self._unseen: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = dict(attrs)
        self.names |= {f"html-{one}" for one in (tag, *named)}
        hidden = tag in ("script", "style", "title") or "display: none" in (named.get("style") or "")
        if (self._unseen or hidden) and tag not in VOID:
            self._unseen.append(tag)
        if tag == "a" and not self._unseen:
            self.links.append(named.get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if self._unseen and tag == self._unseen[-1]:
            self._unseen.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._unseen:
            self.texts.append(plain(data))


def plain(text: str) -> str:
    """With ordinary spaces."""
    return " ".join(text.split())


@EACH
def test_a_letter_is_small_enough_to_be_shown_whole(letter: Shown) -> None:
    assert len(letter.html.encode()) <= MOST_HTML_BYTES


@EACH
def test_the_text_part_says_what_the_html_says(letter: Shown) -> None:
    seen, told = Reader(letter.html), plain(letter.text)

    assert [text for text in seen.texts if text not in told] == []
    assert [link for link in seen.links if link not in told] == []


@EACH
def test_the_html_says_what_the_text_part_says(letter: Shown) -> None:
    seen = plain(" ".join(Reader(letter.html).texts))
    lines = [plain(re.sub(r" \(https?://[^)]+\)", "", line)).lstrip("• ") for line in letter.text.splitlines()]

    assert [line for line in lines if line.replace(" ", "") not in seen.replace(" ", "")] == []


@EACH
def test_no_picture_is_without_a_word_for_those_who_do_not_see_it(letter: Shown) -> None:
    pictures = re.findall(r"<img[^>]*>", letter.html)

    assert [one for one in pictures if not re.search(r'alt="[^"]+"', one)] == []


def test_gmail_and_outlook_drop_nothing_without_a_fallback() -> None:
    known = json.loads(TABLE.read_text(encoding="utf-8"))
    dropped = {*known["gmail"], *known["outlook"]}
    used = {name for letter in LETTERS for name in features(letter.html)}

    assert used & dropped == set(FALLBACKS) & used
    assert set(FALLBACKS) <= used, "a fallback that nothing needs"


def features(html: str) -> set[str]:
    """As caniemail names them."""
    styles = " ".join([*re.findall(r'style="([^"]*)"', html), *re.findall(r"<style>(.*?)</style>", html, re.DOTALL)])
    properties = re.findall(r"(?:^|[;{\s])([a-z-]+)\s*:\s*[^;{}]+", styles)
    return {f"css-{name}" for name in properties} | Reader(html).names


def test_the_table_of_mail_programs_is_what_caniemail_says() -> None:
    data = fetched()
    if data is None:
        pytest.xfail("npm cannot fetch caniemail here")

    assert table(data) == json.loads(TABLE.read_text(encoding="utf-8"))


RUSSIAN_SHORT = r"(?i)(?<![\w\u00a0-])(?:в|во|и|к|ко|на|не|о|об|от|по|с|со|у|а|за|из|до) (?=\w|«)"


def russian() -> Iterator[tuple[str, str]]:
    folder = shipped_folder()
    for path in sorted(folder.glob("*/ru/*")):
        yield path.relative_to(folder).as_posix(), path.read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "source"), list(russian()), ids=[name for name, _ in russian()])
def test_russian_lines_do_not_end_with_a_preposition_or_begin_with_a_dash(name: str, source: str) -> None:
    written = re.sub(r"\{%.*?%\}|<[^>]*>", "", source)

    assert re.findall(RUSSIAN_SHORT, written) == []
    assert " —" not in written
    assert "№ " not in written


STORE, RENDERER = TemplateStore(), Renderer(channels=CHANNELS, site=SITE)
BARE: Mapping[str, Mapping[str, Any]] = {
    "weekly-digest": {"films": [{"title": f"Film {n}", "url": f"https://cinema.example/{n}"} for n in range(3)]},
    "new-episode": {
        "series": "Far Light", "season": 1, "episode": 2, "title": "Dawn", "url": "https://cinema.example/e",
    },
    "statistics": {"statistics": {"films": 1, "hours": 0}},
    "promo": {"headline": "Tonight", "text": "Two tickets for one.", "url": "https://cinema.example/p"},
}  # fmt: skip


@pytest.mark.parametrize("locale", ["en", "ru"])
@pytest.mark.parametrize("key", BARE)
def test_what_is_not_given_leaves_no_hole(key: str, locale: str) -> None:
    parts = RENDERER.render(STORE.get(key), channel="email", locale=locale, context=BARE[key]).parts

    seen = Reader(parts["html"])
    assert "<img" not in parts["html"]
    assert not re.findall(r"<(p|h1|h2|td|div)[^>]*>\s*</\1>", parts["html"])
    assert not [text for text in seen.texts if text in ("·", ".", ",", "None", "0")]
    assert "None" not in parts["text"]


def test_films_of_which_some_have_no_poster_stand_in_one_grid() -> None:
    films: list[dict[str, Any]] = [dict(film) for film in BARE["weekly-digest"]["films"]] + [
        {"title": "Film 3", "url": "https://cinema.example/3"}
    ]
    films[1]["poster"] = "https://cinema.example/1.jpg"

    html = RENDERER.render(STORE.get("weekly-digest"), channel="email", locale="en", context={"films": films}).parts[
        "html"
    ]

    assert html.count("<img") == 1
    assert html.count("blank-cell") >= 3
