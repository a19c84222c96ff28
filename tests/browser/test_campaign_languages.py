"""A manager writes a campaign in two languages, and decides about the readers of a third."""

import re
from time import monotonic_ns
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PLAIN: dict[str, Any] = {**DESKTOP, "java_script_enabled": False}


def column(page: Page, language: str) -> Any:
    return page.get_by_role("group", name=language, exact=True)


@pytest.mark.parametrize("how", [PHONE, DESKTOP, PLAIN], ids=["phone", "desktop", "no-scripts"])
def test_languages_stand_side_by_side_and_empty_texts_are_copied(
    browser: Browser, vestnik: Vestnik, session: Any, how: dict[str, Any]
) -> None:
    desk = signed_in(browser, vestnik, session, **how)
    page = desk.open("/campaigns/new?template=promo")
    russian, english = column(page, "Russian"), column(page, "English")
    first, second = russian.bounding_box(), english.bounding_box()
    if how is PHONE:
        assert second["y"] >= first["y"] + first["height"]
        assert second["x"] == first["x"]
    else:
        assert second["y"] == first["y"]
        assert second["x"] >= first["x"] + first["width"]
        texts: list[Any] = [page.locator(f'[name="var_text{one}"]').bounding_box() for one in ("", ".en")]
        assert texts[0]["y"] == texts[1]["y"], "a text stands beside its translation"
    assert page.evaluate("document.documentElement.scrollWidth") <= how["viewport"]["width"]
    headline, text = (
        english.locator("div", has=page.locator(f'[name="var_{one}.en"]')).get_by_text("not translated yet")
        for one in ("headline", "text")
    )
    expect(headline).to_be_visible()
    expect(text).to_be_visible()
    russian.locator('[name="var_headline"]').fill("Сегодня")
    russian.locator('[name="var_text"]').fill("За полцены")
    english.locator('[name="var_text.en"]').fill("For half")
    expect(text).to_be_hidden()
    page.screenshot(path=SCREENS / f"campaign-languages-{how['viewport']['width']}.png", full_page=True)
    english.get_by_role("button", name="Copy from Russian").click()
    expect(english.locator('[name="var_headline.en"]')).to_have_value("Сегодня")
    expect(english.locator('[name="var_text.en"]')).to_have_value("For half")
    expect(russian.locator('[name="var_text"]')).to_have_value("За полцены")
    expect(headline).to_be_hidden()
    assert desk.troubles == []
    desk.close()


def test_readers_of_three_languages_are_counted_decided_about_and_written_to(vestnik: Vestnik, desk: Desk) -> None:
    """Nothing is there in German: its readers are left out, which their history says."""
    people = [
        {"id": f"reads-{one}", "email": f"reads-{one}@admin.example", "locale": one} for one in ("ru", "en", "de")
    ]
    assert vestnik.call("POST", "/v1/users/batch", {"users": people}).ok
    rule = {"attribute": "id", "op": "in", "value": [one["id"] for one in people]}
    segment = f"Of three languages {monotonic_ns()}"  # at a second try the first is there
    assert vestnik.call("POST", "/v1/segments", {"name": segment, "rule": rule}).ok
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Name of the campaign").fill("In two languages")
    for language, headline, text in (("Russian", "Сегодня", "За полцены"), ("English", "Tonight", "For half")):
        end = "" if language == "Russian" else ".en"
        page.locator(f'[name="var_headline{end}"]').fill(headline)
        page.locator(f'[name="var_text{end}"]').fill(text)
    page.locator('[name="var_url"]').fill("https://cinema.example/promo")
    page.get_by_label("Segments and lists").check()
    page.get_by_role("group", name="Segments", exact=True).get_by_label(segment).check()
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("row", name="German")).to_contain_text("missing")
    expect(page.get_by_text("nobody has decided what they get")).to_be_visible()
    page.get_by_label("get nothing").check()
    page.locator("#languages").get_by_role("button", name="Save").click()
    expect(page.get_by_role("row", name="German")).to_contain_text("nothing")
    page.get_by_label("As the user with the id").fill("reads-en")
    page.get_by_role("button", name="Show").click()
    expect(page).to_have_url(re.compile("user=reads-en"))  # the texts of both languages are on the page before it too
    expect(page.locator("main")).to_contain_text("For half")
    desk.ask("Start", "Yes, start")
    desk.see_it_completed()

    [russian] = eventually(lambda: vestnik.letters("reads-ru@admin.example"))
    [english] = eventually(lambda: vestnik.letters("reads-en@admin.example"))
    for letter, own, other in ((russian, "За полцены", "For half"), (english, "For half", "За полцены")):
        assert own in letter["text"]
        assert other not in letter["text"]
    assert vestnik.letters("reads-de@admin.example") == []
    page = desk.open("/users/reads-de")
    expect(page.locator("main")).to_contain_text("the letter is not in this reader's language")
    assert desk.troubles == []
