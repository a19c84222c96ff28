"""Authors write Jinja anywhere in their HTML; an HTML parser goes over it once, and nothing of it is lost."""

import pytest

from chalicelib.errors import RenderError
from tests.unit.rendering.letters import render, template

FILMS = {"films": [{"title": "Solaris", "url": "https://a.example/?a=1&b=2"}, {"title": "<Stalker>", "url": "/2"}]}


def html_of(source: str, **context: object) -> str:
    return render(template(html=source), context).parts["html"]


def test_a_loop_over_rows_stays_inside_its_table() -> None:
    html = html_of(
        "<table class='x'>{% for film in films %}<tr><td>{{ film.title }}</td></tr>{% endfor %}</table>", **FILMS
    )

    table = html[html.index('<table class="x"') : html.index("</table>")]
    assert table.index("Solaris") < table.index("&lt;Stalker&gt;")
    assert table.count("<tr") == 2


def test_an_expression_in_an_address_is_escaped_for_its_attribute() -> None:
    html = html_of("{% for film in films %}<a href='{{ film.url }}'>see</a>{% endfor %}", **FILMS)

    assert 'href="https://a.example/?a=1&amp;b=2"' in html
    assert 'href="/2"' in html


def test_a_value_cannot_leave_its_attribute() -> None:
    html = html_of("<a title='{{ x }}'>a</a>", x="' onclick='alert(1)\" onload=\"b")

    assert 'title="&#39; onclick=&#39;alert(1)&#34; onload=&#34;b"' in html


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("color: {{ colour }}", "color: teal"),
        ("{% if colour %}color: {{ colour }}{% endif %}", "color: teal"),
        ('font-family: "A {{ colour }}"', "font-family: &quot;A teal&quot;"),
    ],
)
def test_an_expression_in_a_style_comes_after_the_rules_and_wins(style: str, expected: str) -> None:
    html = html_of(f"<style>.x {{ margin: 3px }}</style><b class='x' style='{style}'>a</b>", colour="teal")

    assert f'style="margin: 3px;{expected}"' in html


def test_blocks_may_hold_whole_elements_in_any_branch() -> None:
    html = html_of(
        "{% set note %}<b>n</b>{% endset %}{% if x %}<p>a<br>{{ note }}</p>{% else %}<div>b</div>{% endif %}"
        "<ul>{% for y in x %}<li>{{ y }}</li>{% else %}<li>none</li>{% endfor %}</ul>{% set z = 1 %}",
        x=[5],
    )

    assert "<b>n</b></p>" in html
    assert ">5</li></ul>" in html


def test_a_whole_document_is_taken_without_the_layout() -> None:
    html = html_of(
        "<!doctype html><html><head><title>{{ x }}</title><style>b { color: red }</style></head>"
        "<body><b>{{ x }}</b></body></html>",
        x="Own",
    )

    assert html == (
        '<!DOCTYPE html><html><head><title>Own</title></head><body><b style="color: red;">Own</b></body></html>'
    )


def test_a_style_sheet_with_jinja_in_it_is_left_alone() -> None:
    html = html_of("<style>.x { color: {{ colour }} }</style><b class='x'>a</b>", colour="teal")

    assert "<style>.x { color: teal }</style>" in html


def test_rules_are_inlined_and_media_queries_stay() -> None:
    html = html_of("<h1>Hello</h1>")

    assert "@media (prefers-color-scheme: dark)" in html
    assert "@media (max-width: 599px)" in html
    assert "<h1 style=" in html


def test_jinja_inside_a_comment_for_outlook_is_rendered() -> None:
    assert "<!--[if mso]>teal<![endif]-->" in html_of("<!--[if mso]>{{ colour }}<![endif]-->", colour="teal")


def test_raw_text_and_comments_of_jinja_do_what_they_do_everywhere() -> None:
    assert "<p" in (html := html_of("<p>{% raw %}{{ x }}{% endraw %}{# quiet #}</p>"))
    assert "{{ x }}</p>" in html


def test_the_preheader_comes_before_all_that_is_seen() -> None:
    html = html_of("<p>Body</p><preheader>Preview {{ x }}</preheader>", x="line")

    assert html.index("Preview line") < html.index("Cinema</a>") < html.index("Body")


def test_the_letter_says_its_language() -> None:
    assert '<html lang="en" dir="ltr">' in html_of("<p>a</p>")


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("<a {% if x %}href='a'{% endif %}>b</a>", "between the quotes"),
        ("<a href={{ x }}>b</a>", "between the quotes"),
        ("<a href='b", "not closed"),
        ("<p>a<!-- b", "line 1: an HTML tag is not closed"),
        ("<style>b { color: red }", "not closed"),
        ("<p>\n{% if %}</p>", "line 2"),
        ("{% if x %}<div class='a'>{% else %}<div>{% endif %}b</div>", "another HTML element"),
        ("<div>{% for y in x %}</div><div>{% endfor %}</div>", "another HTML element"),
        ("<p>{% if x %}</p>{% endif %}", "another HTML element"),
        ("<table><tr>{% if x %}<td>a</td></tr><tr>{% endif %}<td>b</td></tr></table>", "another HTML element"),
        ("{{ x|nothing }}", "no filter `nothing`"),
        ("{% if x is nothing %}{% endif %}", "no test `nothing`"),
        ("<select>{{ x }}<p>\ufdd00\ufdd1</p>", "the service's own"),
    ],
)
def test_what_cannot_be_understood_is_refused_with_its_place(source: str, says: str) -> None:
    with pytest.raises(RenderError) as caught:
        html_of(source, x="a")

    assert caught.value.reason in ("syntax", "forbidden")
    assert "en/email.html" in caught.value.detail
    assert says in caught.value.detail
