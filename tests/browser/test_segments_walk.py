"""A manager saves conditions as a segment, sees how many people it has, and writes a campaign to it."""

from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import signed_in
from tests.e2e.conftest import Vestnik

pytestmark = pytest.mark.e2e
PHONE: dict[str, Any] = {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark", "has_touch": True}
DESKTOP: dict[str, Any] = {"viewport": {"width": 1280, "height": 900}}
PLAIN: dict[str, Any] = {**DESKTOP, "java_script_enabled": False}


@pytest.mark.parametrize("how", [PHONE, DESKTOP, PLAIN], ids=["phone", "desktop", "no-scripts"])
def test_conditions_become_a_segment_and_an_audience(
    browser: Browser, vestnik: Vestnik, session: Any, how: dict[str, Any]
) -> None:
    width, scripts = how["viewport"]["width"], how is not PLAIN
    club = f"club-{width}-{scripts}"
    people = [
        {"id": f"{club}-{n}", "email": f"{club}-{n}@admin.example", "name": f"Member {n}", "locale": "ru",
         "attributes": {"club": club}}
        for n in range(3)
    ]  # fmt: skip
    assert vestnik.call("POST", "/v1/users/batch", {"users": people}).ok
    desk = signed_in(browser, vestnik, session, **how)
    page = desk.open("/segments/new")
    page.get_by_label("Name", exact=True).fill(f"Silent {club}")
    first = page.get_by_role("group", name="Condition 1")
    first.get_by_label("Attribute").select_option("locale")
    first.get_by_label("Value").fill("ru")
    page.get_by_role("button", name="Add a condition", exact=True).click()
    second = page.get_by_role("group", name="Condition 2")
    second.get_by_label("Attribute").select_option("@letters")
    if not scripts:
        page.get_by_role("button", name="Show the fields of what is chosen").click()
    second.get_by_label("Comparison").select_option("has got none for days")
    second.get_by_label("Days").fill("30")
    second.get_by_label("Days").blur()
    if not scripts:
        page.get_by_role("button", name="Count them").click()
    expect(page.locator("#count b").first).to_contain_text("eople")
    expect(first.get_by_label("Value")).to_have_value("ru")
    page.screenshot(path=SCREENS / f"segment-{club}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("language is Russian and has not got any letter for 30 days").first).to_be_visible()

    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Whoever fulfils conditions").check()
    condition = page.get_by_role("group", name="Condition 1")
    condition.get_by_label("Attribute").select_option("locale")
    condition.get_by_label("Value").fill("de")
    page.get_by_label("Segments and lists").check()
    page.get_by_role("group", name="Segments", exact=True).get_by_label(f"Silent {club}").check()
    if not scripts:
        page.get_by_role("button", name="Count them").click()
    expect(page.locator("#count li").first).to_contain_text("***@")
    page.locator("#audience").screenshot(path=SCREENS / f"audience-{club}.png")
    page.get_by_label("Whoever fulfils conditions").check()
    expect(condition.get_by_label("Value")).to_have_value("de")
    assert desk.troubles == []
    desk.close()
