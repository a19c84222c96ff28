"""Test letters of a campaign go to the addresses that the desk keeps, and what became of each is told."""

import re

import pytest

from chalicelib.admin.templating import words
from chalicelib.profiles.model import UserBody
from chalicelib.reasons import SuppressionReason, suppressed
from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor
from tests.integration.admin.test_pages import written
from tests.integration.api.gateway import gateway
from tests.integration.conftest import Letters, Pump

ME, BOSS = "me@cinema.example", "boss@cinema.example"


def kept() -> set[str]:
    return set(Stage.own().site_settings.current(fresh=True).test_addresses)


def test_letters_go_to_several_at_once_in_a_language_and_addresses_are_remembered(
    boss: Visitor, pump: Pump, letters: Letters
) -> None:
    here = f"/admin/campaigns/{written(boss)}"

    sent = boss.post(f"{here}/test", to_other=f"{ME}; Boss@Cinema.example", test_language="en", keep="yes")
    pump.run()

    assert sent.said == "tested"
    assert sorted(one["to"][0] for one in letters()) == [BOSS, ME]
    assert all("Hi" in str(one["body"]) for one in letters())
    assert kept() == {ME, BOSS}
    page = boss.get(f"{here}/check").text
    assert page.count('name="to" value=') == 2
    assert boss.post(f"{here}/test", to=[ME]).said == "tested"
    pump.run()
    assert [one["to"] for one in letters()][2:] == [[ME]]


def test_a_page_shows_addresses_that_another_process_has_just_kept_or_forgotten(boss: Visitor) -> None:
    here = f"/admin/campaigns/{written(boss)}/check"
    elsewhere = Stage(**Stage.own().given).site_settings
    for addresses in ([ME], []):
        assert boss.get(here).status == 200  # this process knows the settings now
        elsewhere.put("test_addresses", addresses, by="anna")
        assert boss.get(here).text.count('name="to" value=') == len(addresses)


def test_what_became_of_each_is_told_with_its_reason(boss: Visitor, pump: Pump) -> None:
    Stage.own().directory.put("anna", UserBody(email="anna@viewers.example", locale="ru"))
    Stage.own().suppressions.add("email", BOSS, reason=SuppressionReason.BOUNCE)
    here = f"/admin/campaigns/{written(boss)}"
    sent = boss.post(f"{here}/test", to_other=f"{ME}, {BOSS}, anna")

    place = sent.headers["location"]
    waiting = boss.get(place)
    assert "hx-get" in waiting.text
    pump.run()
    seen = boss.get(place)

    told = re.findall(r'<li class="line">(.*?)</li>', seen.text, re.DOTALL)
    assert [next(who for who in (ME, BOSS, "anna") if who in one) for one in told] == [ME, BOSS, "anna"]
    assert [words("en")["states"]["skipped"] in one for one in told] == [False, True, False]
    assert words("en")["reasons"][suppressed(SuppressionReason.BOUNCE)] in told[1]
    assert "hx-get" not in seen.text


@pytest.mark.parametrize("typed", ["", "nobody@", "Анна Иванова", ", ".join(f"u{n}@cinema.example" for n in range(11))])
def test_a_wrong_address_is_told_at_its_field_and_nothing_is_sent(
    boss: Visitor, pump: Pump, letters: Letters, typed: str
) -> None:
    here = f"/admin/campaigns/{written(boss)}"

    seen = boss.post(f"{here}/test", to_other=typed, keep="yes", test_language="en")
    pump.run()

    assert seen.status == 422
    assert re.search(r'name="to_other"[^>]*aria-invalid="true"', seen.text)
    assert '<option value="en" selected>' in seen.text
    assert letters() == []
    assert kept() == set()


def test_an_address_is_forgotten_and_a_service_may_keep_the_list_too(boss: Visitor) -> None:
    here = f"/admin/campaigns/{written(boss)}"
    assert gateway().put("/v1/settings/test_addresses", {"value": [ME, " BOSS@cinema.example "]}).status == 200
    assert gateway().put("/v1/settings/test_addresses", {"value": ["nobody"]}).status == 422
    assert kept() == {ME, BOSS}

    assert boss.post(f"{here}/test/forget", forget=ME).said == "removed"

    assert kept() == {BOSS}
    assert boss.post(f"{here}/test/forget", forget=ME).said == "removed"


def test_ids_that_are_none_are_left_out(boss: Visitor) -> None:
    here = f"/admin/campaigns/{written(boss)}/tests"
    assert boss.get(here).status == 200
    assert boss.get(f"{here}?sent=x,../y,00000000-0000-4000-8000-000000000000").status == 200
