"""Whatever a template raises is the fault of the template: told with its part and its line, never an error of ours."""

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib.errors import FieldError, Phrase, RenderError, UnavailableError
from chalicelib.manifest import CHANNELS
from chalicelib.rendering import dry_run as trial
from chalicelib.rendering.checks import check
from chalicelib.rendering.dry_run import try_letter
from chalicelib.rendering.filters import FILTERS, TESTS
from tests.unit.rendering.letters import render, renderer, template

# Each is put into the third line of a part.
RAISING = [
    "{{ 'x'|truncate(2) }}",
    "{{ 1e999 }}",
    "{{ 1e999|int }}",
    "{{ '1e999'|float|int|round|number }}",
    "{{ 'inf'|float|plural('a', 'b') }}",
    "{{ " + "9" * 200_000 + " }}",
    "{{ 0x" + "f" * 200_000 + " }}",
    "{{ ('9' * 500000)|int }}",
    "{{ ('f' * 500000)|int(0, 16) }}",
    "{{ ('9' * 500000)|float }}",
    "{{ 'x' * 10**9 }}",
    "{{ 'x' * 1000000000 }}",
    "{{ 2**10**9 }}",
    "{{ range(0, 10, 0)|list }}",
    "{{ range('a') }}",
    "{{ range(" + "1, " * 5_000 + "1) }}",
    "{{ '%999999999d'|format(1) }}",
    "{{ '{:999999999}'.format(1) }}",
    "{{ 'x'|indent(10**9) }}",
    "{{ 'x'|wordwrap(0) }}",
    "{{ 'x'|center(10**9) }}",
    "{{ x|tojson }}",
    "{{ [1]|batch(0)|list }}",
    "{{ [1]|batch('a')|list }}",
    "{{ [1]|slice(0)|list }}",
    "{{ 1|round('a') }}",
    "{{ 'a'|round }}",
    "{{ 1|filesizeformat }}",
    "{{ {'a b': 1}|xmlattr }}",
    "{{ 'http://a'|urlize }}",
    "{{ 'a'|striptags }}",
    "{{ '2026-99-99'|date }}",
    "{{ '9999-12-31T23:59:59-23:00'|date }}",
    "{{ ('x' * 100000)|time }}",
    "{{ [1, 'a']|sort }}",
    "{{ [{}, []]|max }}",
    "{{ [[]]|unique|list }}",
    "{{ 1|upper|divisibleby }}",
    "{{ 1 is divisibleby(0) }}",
    "{{ 1 is divisibleby('a') }}",
    "{{ 1 / 0 }}",
    "{{ 1 // 0 }}",
    "{{ 1 % 0 }}",
    "{{ 'a' - 1 }}",
    "{{ -'a' }}",
    "{{ {[]: 1} }}",
    "{{ [1]|map('nothing')|list }}",
    "{{ [1]|map('truncate', -5)|list }}",
    "{{ [1]|select('nothing')|list }}",
    "{{ [1]|selectattr('a', 'divisibleby', 0)|list }}",
    "{{ 'a'.split('') }}",
    "{{ 'a'.count() }}",
    "{{ [1].index(2) }}",
    "{{ 'a'[::0] }}",
    "{{ 'a'['b':] }}",
    "{{ namespace(1) }}",
    "{% set n = namespace() %}{% set n.__class__ = 1 %}{{ n.a.b }}",
    "{% for a, b in [1] %}{% endfor %}",
    "{% set x.a = 1 %}",
    "{% set x.a %}{% endset %}",
    "{{ 1[1:] }}",
    "{% for a in 5 %}{% endfor %}",
    "{% macro m(a) %}{{ a }}{% endmacro %}{{ m(1, 2) }}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% call 5() %}{% endcall %}",
    "{% for a in [1] %}{{ loop.cycle() }}{% endfor %}",
    "{{ loop.index }}",
    "{{ x.y.z }}",
    "{{ missing }}",
    "{{ x() }}",
    "{{ x|nothing }}",
    "{{ x is nothing }}",
    "{% if %}",
    "{% endfor %}",
    "{{ 'open }}",
    "{{ " + "(" * 300 + "1" + ")" * 300 + " }}",
    "{{ " + "not " * 5_000 + "1 }}",
    "{{ 1" + " + 1" * 5_000 + " }}",
    "{{ x" + "|upper" * 5_000 + " }}",
    "{{ x" + ".a" * 5_000 + " }}",
    "{{ " + "1 if x else " * 3_000 + "1 }}",
    "{% if x %}" + "{% elif x %}" * 3_000 + "{% endif %}",
    "{% if x %}" * 300 + "{% endif %}" * 300,
    "{% for a in [1] %}" * 30 + "{% endfor %}" * 30,
]


def checked(part: str, source: str) -> list[FieldError]:
    letter = template(**{part: source}, sample={"context": {"x": "text"}})
    return check(letter, renderer=renderer(), channels=CHANNELS)


@pytest.mark.parametrize("source", RAISING, ids=range(len(RAISING)))
@pytest.mark.parametrize("part", ["subject", "text", "html"])
def test_what_a_template_raises_is_told_with_its_part_and_its_line(part: str, source: str) -> None:
    [(field, message)] = checked(part, f"<p>\n{{{{ x }}}}</p>\n<p>{source}</p>")

    assert field == f"locales.en.email.{part}"
    assert "line 3: " in message
    assert len(message) < 2_000


@pytest.mark.parametrize("source", ["{{ x|truncate(n) }}", "{{ button('a', x|truncate(n)) }}"])
def test_a_line_of_html_is_the_authors_own_though_the_layout_stands_around_it(source: str) -> None:
    html = (
        f"<preheader>{{{{ x }}}}\n</preheader>\n<table><tr>\n<td style='color:\n{{{{ x }}}}'>{source}</td></tr></table>"
    )

    with pytest.raises(RenderError) as caught:
        render(template(html=html, subject="a"), {"x": "long text", "n": 2})

    assert (caught.value.reason, caught.value.place) == ("template_error", "en/email.html, line 5")


@pytest.mark.parametrize(
    "odd",
    ["<b", "<img src={{ x }}>", "{% if x %}<p>{% endif %}", "{% if x %}<p>{% else %}<div>{% endif %}"],
)
@pytest.mark.parametrize(
    "before",
    [
        "\n\n\n",
        "{#\n\n\n#}",
        "{% raw %}\n\n\n{% endraw %}",
        "\n\n{{ x -}}\n",
        "\n\n\n{{- x }}",
        "{{ 'a\n\n\n' }}",
        "a\r\rb\r\n",
    ],
)
def test_where_html_and_jinja_do_not_go_together_is_told_by_the_authors_line(before: str, odd: str) -> None:
    [(field, message)] = checked("html", before + odd)

    assert field == "locales.en.email.html"
    assert message.startswith("syntax: line 4: ")


def test_a_macro_of_the_authors_is_told_by_its_own_line() -> None:
    source = "{% macro m(n) %}\n{{ 'text'|truncate(n) }}\n{% endmacro %}\n\n{{ m(2) }}"

    with pytest.raises(RenderError) as caught:
        render(template(text=source))

    assert caught.value.place == "en/email.text, line 2"


def test_what_follows_from_html_is_told_by_the_line_of_the_html() -> None:
    """The HTML goes through where the values need escaping; the text that is made of it does not."""
    html = "<p>a</p>\n<p>b</p>\n<p>{{ ('a' if x is string else x|truncate(0)) }}{{ x|truncate(n) }}</p>"

    with pytest.raises(RenderError) as caught:
        render(template(html=html), {"x": "long text", "n": 1})

    assert caught.value.place == "en/email.html, line 3"


def test_the_place_quotes_nothing_of_the_letter() -> None:
    with pytest.raises(RenderError) as caught:
        render(template(text="{{ [1].index(user.name) }}"), user={"name": "Anna"})

    assert "Anna" not in f"{caught.value.reason} {caught.value.place}"


@pytest.mark.parametrize(
    ("source", "path"),
    [
        ("{{ film.Anna.year }}", "film.Anna.year"),  # it is the template that says it
        ("{{ film[user.email] }}", "film[…]"),
        ("{{ film[user.name].year }}", "film[…].year"),
        ("{{ film[user.attributes.phone] }}", "film[…]"),
        ("{% for one in film.values() %}{{ one.year }}{% endfor %}", "film[…].year"),
        ("{{ [film]|map(attribute=user.attributes.phone)|join }}", "film[…]"),
        ("{% macro m(one) %}{{ one.year }}{% endmacro %}{{ m(films[0]) }}", "films[0].year"),
    ],
)
def test_the_path_of_what_is_missing_quotes_no_name_that_comes_from_data(source: str, path: str) -> None:
    """Promise I1."""
    user = {"name": "Anna", "email": "anna@example.com", "attributes": {"phone": 79160000000}}

    with pytest.raises(RenderError) as caught:
        render(template(text=source), {"film": {"Anna": {}}, "films": [{}]}, user=user)

    assert caught.value.reason == f"undefined variable: {path}"


def test_all_letters_of_a_call_are_tried_within_one_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(trial, "MAX_SECONDS", -1)

    [told] = try_letter(template(), {}, channels=["email"], renderer=renderer())

    assert told == FieldError("context", Phrase("to make the letters of it takes over -1 s"))


def test_what_is_known_too_late_is_told_to_whoever_asks_for_the_letter() -> None:
    letter = template(subject="\n{{ x|truncate(n) }}")

    [told] = try_letter(letter, {"x": "long text", "n": 2}, channels=["email"], renderer=renderer())

    assert "email.subject: line 2: AssertionError" in told.message


def test_a_subsystem_that_does_not_answer_is_no_fault_of_a_template() -> None:
    def unavailable(_address: str) -> str:
        raise UnavailableError("no key")

    with pytest.raises(UnavailableError):
        render(template(text="{{ 'https://a.example'|short }}"), shorten=unavailable)


_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("9" * 600),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=5,
)
_CALLS = [
    *(f"{{{{ x|{name} }}}}" for name in FILTERS),
    *(f"{{{{ x|{name}(y) }}}}" for name in FILTERS),
    *(f"{{{{ x|{name}(y, x, y) }}}}" for name in FILTERS),
    *(f"{{{{ x is {name}(y) }}}}" for name in TESTS),
    *(f"{{{{ x {operator} y }}}}" for operator in ("+", "-", "*", "/", "//", "%", "~", "<", "in", "==", "and")),
    *(f"{{{{ x.{name}(y) }}}}" for name in ("split", "count", "find", "get", "index", "strip", "startswith")),
    *("{{ x[y] }}", "{{ x[y:] }}", "{{ range(x, y) }}", "{% for a in x %}{{ a }}{% endfor %}", "{{ -x }}"),
]


@settings(max_examples=400)
@given(source=st.sampled_from(_CALLS), x=_DATA, y=_DATA)
def test_any_value_in_any_place_gives_a_text_or_a_fault_of_the_template(source: str, x: Any, y: Any) -> None:
    context: Mapping[str, Any] = {"x": x, "y": y}

    try:
        render(template(text=f"\n{source}"), context)
    except RenderError as error:
        assert error.reason.startswith("undefined variable") or error.reason in {
            "forbidden",
            "template_error",
            "too_large",
            "too_slow",
        }
        assert error.place == "en/email.text, line 2"
