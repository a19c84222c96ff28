"""Words of strangers in letters: whom a letter greets, and what text that runs the other way may turn round."""

import pytest

from chalicelib.rendering.untrusted_text import greeting_name, isolated
from tests.unit.rendering.letters import render, template

RTL, LRE, FSI, PDI = "\u202e", "\u202a", "\u2068", "\u2069"
NAMES = """
Анна|O’Neill|D'Artagnan|Jean-Luc|María José|Müller-Lüdenscheidt|李小龙|ﾊﾝｶｸ|한국|ไทยชื่อ|நமீதா|नरेंद्र|ක්‍රිස්|علی‌رضا
שרה|Ὀδυσσεύς|Nguyễn Thị Ánh|А.С.Пушкин|А.Пушкин|L.Vaughan|J.R.R. Tolkien|J. R. R. Tolkien|Сергей Ш.
St. John|Anna 2|Anna1987|kira_2000|X Æ A-12|Ivan (work)|Anna & Boris|Jr.|Σ|Ø.Berg|Α.Παπαδόπουλος|மு.கருணாநிதி
ཀརྨ་པ|አበበ፡ቢቂላ|ക്രിസ്ത്യന്‍|Kay—Lee|林‧安
"""
NO_NAMES = """
Win 1000 EUR at http://x.example|www.x.example|WWW EXAMPLE|x.example|t.me/abc|bit.ly|q.com|кино.рф
example。com|example．com|x․com|ｗｗｗ．ｘ．ｃｏｍ|http:／／x|hxxp://x|https|Anna https|xn--e1afmkfd|1.2.3.4
evil[.]com|Перейди на site.ru|Bonus.Casino|A.Best.Casino|x..com|anna@example.com|telegram: @anna
आप.भारत|कंपनी.com|e̱.com|A.Com|x .com|x (.com)|"x".com|Win 1000 EUR|Скидка 5000 рублей|call 8 800 20|1.1.1.1 Anna
+7 900 123 45 67|8800555353535|123|<b>x</b>|{{ 7*7 }}|$$$|€1000|💰💰|Anna/Boris|a;b|a=b
"""
UNSEEN = (0xAD, 0x34F, 0x115F, 0x200B, 0x200C, 0x200D, 0x200E, 0x202E, 0x2060, 0x2066, 0x2067, 0x3164, 0xFE0F, 0xFFA0)


@pytest.mark.parametrize("name", NAMES.strip().replace("\n", "|").split("|"))
def test_what_can_be_a_name_is_greeted(name: str) -> None:
    """Promise I3: in any script, in its normal form."""
    assert greeting_name(name) == name
    assert greeting_name(f"  {name}\t") == name


@pytest.mark.parametrize("name", NO_NAMES.strip().replace("\n", "|").split("|"))
def test_what_cannot_be_a_name_is_not_greeted(name: str) -> None:
    """Promise I3: neither an address nor a telephone number nor an offer is anybody's name."""
    assert greeting_name(name) is None


@pytest.mark.parametrize("name", ["", "   ", "\u3164", *(f"An{chr(one)}na" for one in (*UNSEEN, 0xE0041))], ids=ascii)
def test_a_name_with_something_that_is_not_seen_is_not_greeted(name: str) -> None:
    """Promise I3: nor what is blank, hides something or turns the text round."""
    assert greeting_name(name) is None


def test_a_name_is_no_longer_than_64_characters_and_no_pile_of_marks() -> None:
    assert greeting_name("a" * 64) is not None
    assert greeting_name("a" * 65) is None
    assert greeting_name("a" + "\u0316\u0317\u0318\u0319\u031a") is None


@pytest.mark.parametrize("value", [None, 5, ["Anna"], {"a": 1}, True], ids=repr)
def test_what_is_no_text_is_no_name(value: object) -> None:
    assert greeting_name(value) is None


def test_a_letter_greets_with_a_name_alone() -> None:
    letter = template(html="<p>{% if user.name %}{{ user.name }}, hello{% else %}Hello{% endif %}</p>")
    assert render(letter, {}, user={"name": " Anna "}).parts["text"].splitlines()[2] == "Anna, hello"
    assert (
        render(letter, {}, user={"name": "Win 1000 EUR at http://x.example"}).parts["text"].splitlines()[2] == "Hello"
    )


def test_a_template_may_ask_of_any_word_whether_it_can_be_a_name() -> None:
    letter = template(html="<p>{{ (friend|name) or 'Somebody' }} invites you</p>")
    assert "Boris invites" in render(letter, {"friend": "Boris"}).parts["html"]
    assert "Somebody invites" in render(letter, {"friend": "free-money.example"}).parts["html"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Anna", "Anna"),
        ("Анна — 2", "Анна — 2"),
        ("שרה", f"{FSI}שרה{PDI}"),
        (f"Anna{RTL}gpj.exe", f"{FSI}Annagpj.exe{PDI}"),
        (f"a{LRE}b", f"{FSI}ab{PDI}"),
        ("a\u2067b", f"{FSI}ab{PDI}"),
        (f"a{PDI}b", f"{FSI}ab{PDI}"),
        ("שרה\nAnna", f"{FSI}שרה{PDI}\nAnna"),
        (f"x {FSI}שרה{PDI} y", f"x {FSI}שרה{PDI} y"),
        ("https://cinema.example/שרה", "https://cinema.example/שרה"),
        (f"https://x.example/{RTL}gpj", f"{FSI}https://x.example/gpj{PDI}"),
        (f"{RTL}gpj of https://x.example", f"{FSI}gpj of https://x.example{PDI}"),
    ],
    ids=ascii,
)
def test_text_that_runs_the_other_way_ends_where_it_ends(text: str, expected: str) -> None:
    assert isolated(text) == expected
    assert isolated(expected) == expected


def test_data_turn_nothing_round_in_any_part_of_a_letter() -> None:
    """Promise I3: what a datum turns round ends with it: in the subject, the HTML, an attribute, the text."""
    letter = template(html="<p title='{{ title }}'>{{ title }} ({{ title ~ '!' }})</p>", subject="{{ title }}, 5")
    parts = render(letter, {"title": "שרה"}).parts
    assert parts["subject"] == f"{FSI}שרה{PDI}, 5"
    assert f">{FSI}שרה{PDI} ({FSI}שרה{PDI}!)" in parts["html"]
    assert f"{FSI}שרה{PDI} ({FSI}שרה{PDI}!)" in parts["text"]


@pytest.mark.parametrize(
    "said",
    ["t", "t|e", "t|escape|upper", "t ~ 'x'", "'x' ~ t|e", "[1, 2]|join(t)", "[t, t]|join", "'x'|replace('x', t)"],
)
@pytest.mark.parametrize("datum", [f"Anna{RTL}gpj", f"x://{RTL}gpj"], ids=ascii)
def test_no_filter_lets_a_datum_turn_round_what_follows(said: str, datum: str) -> None:
    """Promise I3: escaped or not, joined or the joint."""
    letter = template(html=f"<p>{{{{ {said} }}}} after</p>", subject=f"{{{{ {said} }}}} after")
    parts = render(letter, {"t": datum}).parts
    assert all(RTL not in part and FSI in part for part in parts.values())
