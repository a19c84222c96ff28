"""A campaign in two languages on the managers' pages: written side by side, checked, decided."""

import re
from typing import Any

import pytest

from chalicelib.profiles.model import User
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Seen, Visitor
from tests.integration.admin.test_pages import form_in, written

IN_TWO = {"var_headline.en": "Tonight", "var_text.en": "For half"}
NEW, COPY = "/admin/campaigns/new?template=promo", "/admin/campaigns/copy"


def readers(*locales: str) -> None:
    people = [{"id": f"u-{n}", "email": f"u-{n}@example.com", "locale": one} for n, one in enumerate(locales)]
    Stage.own().directory.put_many([User.model_validate(one) for one in people])


def stored(campaign: str) -> dict[str, Any]:
    return dict(Stage.own().campaigns.get(campaign).spec)


def told_at(seen: Seen, field: str) -> str:
    """What is said at a field."""
    found = re.search(rf'id="m-{re.escape(field)}">([^<]*)<', seen.text)
    return found[1] if found else ""


def test_each_language_has_a_column_and_what_is_the_same_everywhere_has_none(boss: Visitor) -> None:
    fields = form_in(boss.get(NEW))

    assert fields.keys() >= {"var_headline", "var_headline.en", "var_text", "var_text.en", "var_url"}
    assert not fields.keys() & {"var_url.en", "var_headline.ru"}


def test_what_is_typed_in_the_columns_comes_back_in_them(boss: Visitor) -> None:
    campaign = written(boss, **IN_TWO)
    assert stored(campaign)["translations"] == {"en": {"headline": "Tonight", "text": "For half"}}

    form = form_in(boss.get(f"/admin/campaigns/{campaign}/edit"))
    assert (form["var_headline.en"], form["var_text.en"]) == (["Tonight"], ["For half"])
    assert boss.post(f"/admin/campaigns/{campaign}/edit", **{**form, "var_text.en": ""}).said == "saved"
    assert stored(campaign)["translations"] == {"en": {"headline": "Tonight"}}


def test_a_column_stays_what_it_is_when_another_language_becomes_the_campaigns_own(boss: Visitor) -> None:
    campaign = written(boss, **IN_TWO, locale="en")
    spec = stored(campaign)

    assert spec["context"]["headline"] == "Tonight"
    assert list(spec["translations"]) == ["ru"]
    form = form_in(boss.get(f"/admin/campaigns/{campaign}/edit"))
    assert form["var_headline.en"] == ["Tonight"]
    assert form["var_headline"] == [spec["translations"]["ru"]["headline"]]


def test_the_form_keeps_translations_that_it_cannot_show(boss: Visitor) -> None:
    campaign = written(boss, **IN_TWO)
    head = Stage.own().campaigns.get(campaign)
    english = {"url": "https://cinema.example/en", "headline": "Tonight", "text": "For half"}
    spec = {**head.spec, "translations": {"en": english}}
    Stage.own().campaigns.edit(head, spec, paces=(50, 100), by="service", hands=frozenset(), changes={})
    form = form_in(boss.get(f"/admin/campaigns/{campaign}/edit"))

    assert boss.post(f"/admin/campaigns/{campaign}/edit", **{**form, "var_headline.en": "Today"}).said == "saved"
    assert stored(campaign)["translations"] == {"en": {**english, "headline": "Today"}}


def test_copying_fills_the_empty_texts_and_no_others(boss: Visitor) -> None:
    """Without a script the form comes back with them."""
    typed = {**form_in(boss.get(NEW)), "name": "Осень", "var_headline": "Сегодня", "var_text": "За полцены"}
    seen = boss.post(COPY, **{**typed, "var_text.en": "For half", "copy": "en"})
    form = form_in(seen)

    assert seen.status == 200
    assert (form["var_headline.en"], form["var_text.en"]) == (["Сегодня"], ["For half"])
    assert (form["name"], form["var_headline"]) == (["Осень"], ["Сегодня"])


@pytest.mark.parametrize(
    ("changes", "field", "why"),
    [
        ({"var_headline.en": "Hi {{ user.name }}"}, "var_headline.en", "expected plain text"),
        ({"var_text": "{% if x %}"}, "var_text", "expected plain text"),
        ({"var_headline": ""}, "var_headline", "fill this in"),
    ],
)
def test_a_mistake_is_told_at_its_column_and_nothing_typed_is_lost(
    boss: Visitor, changes: dict[str, str], field: str, why: str
) -> None:
    typed = {**form_in(boss.get(NEW)), "name": "Осень", "var_headline": "Сегодня", "var_text": "За полцены"}
    url = {"var_url": "https://cinema.example/p"}
    boss.cookies["__Host-vestnik_language"] = "en"
    seen = boss.post("/admin/campaigns/new", **{**typed, **IN_TWO, **url, **changes})

    assert seen.status == 422
    assert why in told_at(seen, field)
    form = form_in(seen)
    for name, value in {**IN_TWO, **changes}.items():
        assert form[name] == [value]


def test_the_check_counts_readers_by_language_and_asks_for_a_decision(boss: Visitor) -> None:
    readers("ru", "ru", "en", "de")
    boss.cookies["__Host-vestnik_language"] = "en"
    campaign = written(boss, **{"var_headline.en": "Tonight"})
    page = boss.get(f"/admin/campaigns/{campaign}/check")
    rows = re.findall(r"<tr><td><b>(\w+)</b></td><td[^>]*>(\d+)</td>.*?</td><td[^>]*>([^<]*)</td></tr>", page.text)

    mixed = "a mix: English and Russian"
    assert rows == [("Russian", "2", "Russian"), ("German", "1", "Russian"), ("English", "1", mixed)]
    assert "nobody has decided what they get" in page.text
    seen = re.search(r'name="seen" value="([^"]+)"', page.text)
    assert seen is not None
    path = f"/admin/campaigns/{campaign}/untranslated"
    assert boss.post(path, seen=seen[1], untranslated="nobody").status == 422
    assert boss.post(path, seen=seen[1], untranslated="skip").said == "saved"

    page = boss.get(f"/admin/campaigns/{campaign}/check")
    assert stored(campaign)["untranslated"] == "skip"
    assert page.text.count(">nothing</td>") == 2
    assert "nobody has decided" not in page.text
    assert "<dd>get nothing</dd>" in boss.get(f"/admin/campaigns/{campaign}").text


def test_the_letter_is_shown_in_each_language_and_in_a_users_own(boss: Visitor) -> None:
    readers("en", "ru")
    campaign = written(boss, **IN_TWO)
    own = stored(campaign)["context"]["headline"]
    for query, subject in (("letter=en", "Tonight"), ("letter=ru", own), ("user=u-0", "Tonight"), ("user=u-1", own)):
        assert f"<b>{subject}</b>" in boss.get(f"/admin/campaigns/{campaign}/check?{query}").text
        assert subject in boss.get(f"/admin/campaigns/{campaign}/letter?{query}").text
