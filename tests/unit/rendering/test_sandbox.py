"""What a template must never be able to do to the worker that renders it."""

import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.errors import RenderError
from chalicelib.rendering import render_limits as budget
from chalicelib.rendering.sandbox import compile_source, environment, run
from tests.unit.rendering.letters import render, rendered_text, template

# A hang would take minutes; the bound itself is two seconds, the rest is the slack of a busy machine.
NOT_A_HANG_SECONDS = 10

ESCAPES = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''['__class__'] }}",
    "{{ ''|attr('__class__') }}",
    "{{ '{0.__class__}'.format(x) }}",
    "{{ '{x.__class__}'.format_map({'x': 1}) }}",
    "{{ x.__init__.__globals__ }}",
    "{{ self.__init__.__globals__ }}",
    "{{ self._TemplateReference__context }}",
    "{{ range.__self__ }}",
    "{{ namespace.__init__.__globals__ }}",
    "{% macro m() %}{% endmacro %}{{ m.__call__.__func__ }}",
    "{% macro m() %}{% endmacro %}{{ m._environment }}",
    "{% for i in [1] %}{{ loop._context }}{% endfor %}",
    "{{ [1].append(2) }}",
    "{% set user.name = 1 %}",
    "{% set user.name %}a{% endset %}",
    "{% set n = namespace() %}{% set n.a, site.url = 1, 2 %}",
    "{{ {}.update({'a': 1}) }}",
    "{{ '<b>'|safe }}",
    "{% autoescape false %}{{ x }}{% endautoescape %}",
    "{% include 'meta.json' %}",
    "{% import 'meta.json' as m %}",
    "{% from 'meta.json' import m %}",
    "{% extends 'meta.json' %}",
    "{% block a %}{% endblock %}",
    "{% for i in x recursive %}{{ loop(x) }}{% endfor %}",
    "{{ [1]|map('attr', '__class__')|list }}",
    "{{ [x]|map(attribute='__class__')|list|length }}{{ ([x]|map(attribute='__class__')|first) }}",
    "{{ [1]|_weighed }}",
    "{{ cycler(1) }}",
    "{{ lipsum(n=1000) }}",
    "{{ joiner }}",
    "{{ range }}",
    "{{ x|pprint }}",
    "{{ '%s'|format(x) }}",
    "{{ '%0500000000d' % 1 }}",
    "{{ '%s' % x }}",
    "{{ 2 ** 3 }}",
]

BOMBS = [
    "{{ 'a' * 500000000 }}",
    "{{ 500000000 * 'a' }}",
    "{{ ['a'] * 500000000 }}",
    "{{ 'x'|center(10**9) }}",
    "{{ 'x'|center(1000000000) }}",
    "{{ 'x'|indent(1000000000) }}",
    "{{ 'x'.ljust(1000000000) }}",
    "{{ 'x'.center(1000000000) }}",
    "{{ 'x'.zfill(1000000000) }}",
    "{{ 'a\tb'.expandtabs(1000000000) }}",
    "{{ [1]|batch(1000000000, 0)|list }}",
    "{{ [1]|slice(1000000000)|list }}",
    "{{ 'x'|wordwrap(1) }}",
    "{{ 10|round(-1000000000, 'ceil') }}",
    "{{ range(1000000000)|list }}",
    "{{ range(10000)|list + range(10000)|list }}",
    "{% for a in range(9999) %}{% for b in range(9999) %}{% for c in range(9) %}{% endfor %}{% endfor %}{% endfor %}",
    "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
    "{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m() %}{{ m() }}{{ m() }}{% endmacro %}{{ m() }}",
    "{% macro m(n) %}{% if n %}{{ m(n - 1) }}{{ m(n - 1) }}{% endif %}{% endmacro %}{{ m(30) }}",
    "{% macro m() %}{{ caller() }}{% endmacro %}"
    "{% macro n() %}{% call m() %}{{ n() }}{% endcall %}{% endmacro %}{{ n() }}",
    "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}{{ n.s|length }}",
    "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s|length }}",
    "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = [n.s, n.s]|join %}{% endfor %}",
    "{% set n = namespace(s='ab') %}{% for i in range(60) %}{% set n.s = n.s|replace('a', n.s) %}{% endfor %}",
    "{% set n = namespace(s='<') %}{% for i in range(60) %}{% set n.s = (n.s ~ '')|e ~ '&' %}{% endfor %}"
    "{% for i in range(60) %}{% set n.s = n.s ~ n.s %}{% endfor %}",
    "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = [n.s, n.s] %}{% endfor %}",
    "{% set n = namespace(s=(1,)) %}{% for i in range(60) %}{% set n.s = (n.s, n.s) %}{% endfor %}",
    "{% set n = namespace(s={}) %}{% for i in range(60) %}{% set n.s = {'a': n.s, 'b': n.s} %}{% endfor %}",
    "{% set n = namespace(s=[1]) %}{% for i in range(60) %}{% set n.s = n.s + n.s %}{% endfor %}",
    "{% set n = namespace(i=7) %}{% for i in range(60) %}{% set n.i = n.i * n.i %}{% endfor %}{{ n.i }}",
    "{% set s = 'a' * 500000 %}{% set n = namespace(l=[]) %}"
    "{% for i in range(9999) %}{% set n.l = n.l + [s ~ i] %}{% endfor %}",
    "{% set s = 'a' * 500000 %}" + "{% set t = [s[1:], s[2:], s[3:], s[4:], s[5:]] %}" * 500,
    "{% set s = 'a' * 500000 %}" + "{{ s }}" * 2,
    "{% set s %}" + "{% for i in range(9999) %}" + "x" * 10_000 + "{% endfor %}{% endset %}",
    "{% filter upper %}{% for i in range(9999) %}" + "x" * 10_000 + "{% endfor %}{% endfilter %}",
    "{% for i in range(9999) %}" + "x" * 10_000 + "{% endfor %}",
    "{{ " + "(" * 50_000 + "1" + ")" * 50_000 + " }}",
    "{{ " + "[" * 300 + "]" * 300 + " }}",
    "{{ " + "not " * 50_000 + "1 }}",
    "{{ " + "1+" * 9_000 + "1 }}",
    "{{ " + "9" * 100_000 + " }}",
    "{{ 0x" + "f" * 100_000 + " * 2 }}",
    "{{ 'f'|int('0', 16) }}" + "{{ a }}" * 30_000,
    "{% if x %}" * 5_000 + "{% endif %}" * 5_000,
    "".join(f"{{% for a{i} in [1, 2, 3] %}}" for i in range(30)) + "x" + "{% endfor %}" * 30,
]


@pytest.mark.parametrize("source", ESCAPES)
def test_a_template_reaches_nothing_outside_its_letter(source: str) -> None:
    with pytest.raises(RenderError) as caught:
        rendered_text(source, {"x": "text"})

    assert caught.value.reason in ("forbidden", "template_error") or caught.value.reason.startswith(
        "undefined variable"
    )


@pytest.mark.parametrize("source", BOMBS, ids=range(len(BOMBS)))
@pytest.mark.parametrize("part", ["text", "html", "subject"])
def test_a_bomb_is_stopped_in_time_and_the_next_letter_goes_out(part: str, source: str) -> None:
    started = time.monotonic()

    with pytest.raises(RenderError):
        render(template(**{part: source}), {"x": 1, "a": 1})

    assert time.monotonic() - started < NOT_A_HANG_SECONDS
    assert rendered_text("{{ 1 + 1 }}") == "2"


@pytest.mark.parametrize("name", ["site", "strings", "user", "service", "links", "categories", "film"])
@pytest.mark.parametrize("assign", ["{% set §.a = 1 %}", "{% set §.a %}1{% endset %}", "{% set b, §.a = 1, 2 %}"])
def test_a_letter_changes_nothing_that_the_next_one_reads(name: str, assign: str) -> None:
    """Promise I1."""
    context = {"film": {"title": "Stalker"}}

    with pytest.raises(RenderError) as caught:
        render(template(text="\n" + assign.replace("§", name)), context)

    assert (caught.value.reason, caught.value.place) == ("forbidden", "en/email.text, line 2")
    assert context == {"film": {"title": "Stalker"}}


def test_a_slow_template_is_stopped_by_the_clock() -> None:
    seconds = iter(range(100))
    purse = budget.Budget({}, monotonic=lambda: float(next(seconds)))

    with pytest.raises(RenderError) as caught:
        for _ in range(200):  # the clock is not asked at every step
            purse.step()

    assert caught.value.reason == "too_slow"


@pytest.mark.parametrize(
    "work",
    [
        *(f"x is {name}" for name in ("lower", "upper", "string", "in(xs)", "eq(y)")),
        *(f"x|{name}" for name in ("urlencode", "name", "short", "string", "upper", "escape", "title")),
        *("'2026-01-01'|date", "'2026-01-01T00:00:00Z'|time", "1|number", "1|plural('a', 'b')", "1|round"),
    ],
)
def test_every_filter_and_test_looks_at_the_clock(work: str) -> None:
    seconds = iter(range(10**6))
    purse = budget.Budget({}, monotonic=lambda: float(next(seconds)))
    source = f"{{% for i in range(2000) %}}{{% set v = {work} %}}{{% endfor %}}"

    with budget.spend(budget.Budget({})):
        compiled = compile_source(source, environment(autoescape=False))
    with budget.spend(purse), pytest.raises(RenderError, match="takes over 2 s"):
        run(compiled, {"x": "text", "xs": ["a"], "y": "texts"})


def test_a_busy_machine_is_not_the_fault_of_a_template(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(budget, "MAX_SECONDS", 0.2)
    purse = budget.Budget({})
    time.sleep(0.3)  # the thread waits for its turn

    purse.step()


def test_letters_render_in_any_thread() -> None:
    texts: list[str] = []
    thread = threading.Thread(target=lambda: texts.append(rendered_text("{% for i in range(3) %}{{ i }}{% endfor %}")))

    thread.start()
    thread.join()

    assert texts == ["012"]


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("{{ 'a' * 3 ~ 'b' }}", "aaab"),
        ("{{ [1, 2] + [3] == [1, 2, 3] }}", "True"),
        ("{{ digest.items }}", "five"),
        ("{{ 'a b'.split()|join('-') }}", "a-b"),
        ("{{ films|map(attribute='title')|join(', ') }}", "Solaris, Stalker"),
        ("{% for film in films if film.title != 'Solaris' %}{{ loop.length }}{{ film.title }}{% endfor %}", "1Stalker"),
        ("{% set n = namespace(i=0) %}{% for f in films %}{% set n.i = n.i + 1 %}{% endfor %}{{ n.i }}", "2"),
        ("{% macro m(x) %}<{{ x }}>{% endmacro %}{{ m(1) }}", "<1>"),
        ("{{ 'yes' if 1 in [1, 2] }}{{ 'no' if 3 in [1, 2] }}", "yes"),
        ("{{ nothing }}|", "|"),
        ("{{ missing|default('a') }}", "a"),
        ("{{ 'abc'[1:] }}", "bc"),
        ("{{ films|sum('year') }}", "3951"),
        ("{% for row in [1, 2, 3]|batch(2, 0) %}{{ row|join }};{% endfor %}", "12;30;"),
    ],
)
def test_what_letters_need_still_works(source: str, expected: str) -> None:
    films = [{"title": "Solaris", "year": 1972}, {"title": "Stalker", "year": 1979}]
    context = {"digest": {"items": "five"}, "films": films, "nothing": None}

    assert rendered_text(source, context) == expected


_PIECES = st.lists(
    st.one_of(
        st.text(max_size=20),
        st.sampled_from(ESCAPES + BOMBS[:30]),
        st.sampled_from(["{{ x }}", "{% for i in x %}", "{% endfor %}", "{% if x %}", "{% endif %}", "{% raw %}"]),
        st.sampled_from(["<table>", "<tr>", "<td style='color:{{ x }}'>", "</table>", "<title>", "<preheader>"]),
        st.sampled_from(
            ["{{", "}}", "{%", "%}", "{#", "#}", "<a href=", '"', "'", ">", "<", "<!--", "-->", "<style>", "</style>"]
        ),
    ),
    max_size=12,
).map("".join)


@settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow])
@given(source=_PIECES)
def test_any_text_at_all_renders_or_is_refused(source: str) -> None:
    for part in ("html", "text", "subject"):
        try:
            parts = render(template(**{part: source}), {"x": "text"}).parts
        except RenderError as error:
            assert error.reason
        else:
            assert sum(map(len, parts.values())) <= 3 * budget.MAX_OUTPUT_CHARS
