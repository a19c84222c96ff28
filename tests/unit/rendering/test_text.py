"""The plain text that follows from the HTML."""

import pytest

from chalicelib.rendering.finishing import tidy
from chalicelib.rendering.html_part import text_of
from tests.unit.rendering.letters import render, template


@pytest.mark.parametrize(
    ("html", "expected"),
    [
        ("<h1>Title</h1><p>One\n  line</p>", "Title\n\nOne line\n"),
        ("<ul><li>a</li><li>b</li></ul>", "• a\n\n• b\n"),
        ('<a href="https://a.example/?a=1&amp;b=2">see</a>', "see (https://a.example/?a=1&b=2)\n"),
        ('<a href="https://a.example">https://a.example</a>', "https://a.example\n"),
        ('<a href="mailto:a@a.example">a@a.example</a>', "a@a.example\n"),
        ('<a href="https://a.example"><img src="x" alt=""></a>', "https://a.example\n"),
        ('<a href="https://a.example"><img src="x" alt="A poster"></a>', "A poster (https://a.example)\n"),
        ('<p>See <img src="x" alt="the film"> now</p><img src="y">', "See the film now\n"),
        ("<table><tr><td>1</td><td>one</td></tr></table>", "1 one\n"),
        ('<div data-text="skip"><p>a<br></p></div><p>b</p>', "b\n"),
        ("<head><title>a</title><style>b</style></head><body>c</body>", "c\n"),
        ("a<br>b &amp; c", "a\nb & c\n"),
        ("<!--[if mso]>a<![endif]-->b", "b\n"),
    ],
)
def test_html_reads_well_as_text(html: str, expected: str) -> None:
    assert text_of(html) == expected


def test_lines_are_trimmed_and_gaps_closed() -> None:
    assert tidy("\n a \n\n\n\n b\t\n") == "a\n\nb\n"


def test_loops_and_expressions_are_rendered_in_the_text_without_escaping() -> None:
    letter = template(
        html="<table>{% for x in xs %}<tr><td><a href='{{ x }}'>{{ x }}</a></td></tr>{% endfor %}</table>"
    )

    text = render(letter, {"xs": ["<a> & b", "c"]}).parts["text"]

    assert text.startswith("Cinema (https://cinema.example)\n\n<a> & b\n\nc\n\n")


def test_a_text_of_the_author_goes_before_the_derived_one() -> None:
    assert render(template(html="<p>html</p>", text="{{ x }}\n"), {"x": "<own>"}).parts["text"] == "<own>\n"


def test_the_footer_has_its_links_only_when_they_are_given() -> None:
    links = {"unsubscribe": "https://a.example/u"}

    assert "https://a.example/u" in render(template(), links=links).parts["text"]
    assert "Unsubscribe" not in render(template()).parts["text"]
