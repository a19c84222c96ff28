"""Addresses in a rendered e-mail, found and replaced."""

import pytest

from chalicelib.mailbox_providers import PROVIDERS, provider_number
from chalicelib.rendering.letter_urls import links_of, with_labels, with_urls


def changed(**parts: str) -> dict[str, str]:
    return with_urls(parts, lambda url: f"https://n.example/{len(url)}" if "film" in url else None)


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ('<a href="https://a.example/film?a=1&amp;b=2">x</a>', "https://n.example/30"),
        ("<a class='b' href='https://a.example/film'>x</a>", "https://n.example/22"),
        ('<area shape="rect" href="https://a.example/film">', "https://n.example/22"),
        ('<v:roundrect href="https://a.example/film" style="x">', "https://n.example/22"),
    ],
)
def test_links_of_html_are_replaced(html: str, expected: str) -> None:
    made = changed(html=html)["html"]
    assert f'\nhref="{expected}"\n' in made
    assert "film" not in made


@pytest.mark.parametrize(
    "html",
    [
        '<a href="mailto:film@a.example">x</a>',
        '<a href="#film">x</a>',
        '<a href="https://a.example/film">https://a.example/film</a>',
        '<a href="https://a.example/film"> www.a.example</a>',
        '<img src="https://a.example/film.png">',
        '<link href="https://a.example/film.css">',
        '<a href="https://a.example/other">film</a>',
    ],
)
def test_everything_else_stays(html: str) -> None:
    assert changed(html=html)["html"] == html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Film (https://a.example/film).", "Film (https://n.example/22)."),
        ("https://a.example/film_(1), yes", "https://n.example/26, yes"),
        ("«https://a.example/film»", "«https://n.example/22»"),
        ("https://a.example/other", "https://a.example/other"),
    ],
)
def test_addresses_in_text_end_where_the_sentence_goes_on(text: str, expected: str) -> None:
    assert changed(text=text)["text"] == expected


def test_labels_stand_inside_links() -> None:
    html = '<a href="https://a.example/film">x</a><a href="#a">y</a>'
    assert links_of(html) == ["https://a.example/film"]
    assert with_labels(html, lambda _: "<b>3</b>") == '<a href="https://a.example/film"><b>3</b>x</a><a href="#a">y</a>'


@pytest.mark.parametrize(
    ("address", "provider"),
    [
        ("a@GMAIL.com", "gmail.com"),
        ("a@bk.ru", "mail.ru"),
        ("a@ya.ru", "yandex.ru"),
        ("a@yahoo.co.uk", "yahoo.com"),
        ("a@hotmail.fr", "outlook.com"),
        ("a@live.cinema.example.com", "other"),
        ("a@gmail.com.example", "other"),
        ("nobody", "other"),
    ],
)
def test_an_address_is_its_providers(address: str, provider: str) -> None:
    assert PROVIDERS[provider_number(address)] == provider
