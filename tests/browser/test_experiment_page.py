"""A manager tries two subjects on half of the readers, and chooses which of them the others get."""

import re
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
SUBJECT = "Popcorn or nachos?"


def variant(page: Page, name: str) -> Any:
    return page.get_by_role("group", name=f"Variant {name}", exact=True)


def drafted(vestnik: Vestnik, name: str) -> str:
    """A campaign to so many that each variant and the rest have some: the address of its page."""
    readers = [f"taster-{n}" for n in range(40)]
    users = [{"id": one, "email": f"{one}@admin.example", "locale": "en"} for one in readers]
    assert vestnik.call("POST", "/v1/users/batch", {"users": users}).ok
    body = {
        "name": name,
        "template": "promo",
        "locale": "en",
        "audience": {"rule": {"attribute": "id", "op": "in", "value": readers}},
        "context": {"headline": name, "text": "All November.", "url": "https://cinema.example/promo"},
        "translations": {"ru": {"headline": "Закуски", "text": "Весь ноябрь."}},
    }
    return f"/campaigns/{vestnik.call('POST', '/v1/campaigns', body).json()['id']}"


def shoot(page: Page, name: str, how: dict[str, Any]) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"experiment-{name}-{how['viewport']['width']}.png", full_page=True)
    assert page.evaluate("document.documentElement.scrollWidth") <= how["viewport"]["width"]


@pytest.mark.parametrize("how", [PHONE, DESKTOP, PLAIN], ids=["phone", "desktop", "no-scripts"])
def test_a_test_is_set_up_and_nothing_that_was_typed_is_lost(
    browser: Browser, vestnik: Vestnik, session: Any, how: dict[str, Any]
) -> None:
    desk = signed_in(browser, vestnik, session, **how)
    here = drafted(vestnik, "Snacks")
    page = desk.open(here)
    page.get_by_role("link", name="A/B test").click()
    expect(page.get_by_role("heading", name="A/B test")).to_be_visible()
    variant(page, "B").get_by_label("What is different").fill("a question")
    variant(page, "B").get_by_label("Subject · English").fill(SUBJECT)
    variant(page, "B").get_by_label("Subject · Russian").fill("Попкорн или начос?")
    page.get_by_label("Part of the audience, percent").fill("50")
    page.get_by_role("button", name="Add a variant").click()
    expect(variant(page, "C")).to_be_visible()
    expect(variant(page, "B").get_by_label("Subject · English")).to_have_value(SUBJECT)
    variant(page, "C").get_by_label("Subject · English").fill("{{ user.name }}?")
    page.get_by_role("button", name="Save the test").click()
    expect(variant(page, "C").get_by_text(re.compile("expected plain text"))).to_be_visible()
    expect(variant(page, "C").get_by_label("Subject · English")).to_have_value("{{ user.name }}?")
    shoot(page, "mistake", how)
    page.get_by_role("button", name="Remove variant C").click()
    expect(variant(page, "C")).to_have_count(0)
    expect(page.get_by_label("Part of the audience, percent")).to_have_value("50")
    page.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", name="The letters")).to_be_visible()
    expect(page.frame_locator("iframe").nth(1).get_by_text(SUBJECT).first).to_be_visible()
    shoot(page, "set-up", how)
    page.get_by_role("link", name="Check and preview").click()
    expect(page.get_by_role("link", name="A/B test on 50 %")).to_be_visible()
    assert [one for one in desk.troubles if "422" not in one] == []
    desk.close()


def test_the_others_get_what_was_chosen(vestnik: Vestnik, desk: Desk) -> None:
    here = drafted(vestnik, "Snacks by hand")
    page = desk.open(f"{here}/experiment")
    variant(page, "B").get_by_label("Subject · English").fill(SUBJECT)
    variant(page, "B").get_by_label("Subject · Russian").fill("Попкорн или начос?")
    page.get_by_label("Part of the audience, percent").fill("50")
    page.get_by_label("Who decides").select_option("hand")
    page.get_by_role("button", name="Save the test").click()
    expect(page.get_by_text("Saved.", exact=True)).to_be_visible()
    assert vestnik.call("POST", f"/v1{here}/start").ok
    page = desk.open(here)

    def waits() -> bool:
        vestnik.tick()
        page.reload()
        return page.get_by_role("link", name="Choose a winner").count() > 0

    eventually(waits)
    page.screenshot(path=SCREENS / "experiment-campaign.png", full_page=True)
    page.get_by_role("link", name="Choose a winner").click()
    expect(page.get_by_text("The rest is held until you choose a winner.")).to_be_visible()
    page.screenshot(path=SCREENS / "experiment-waits.png", full_page=True)
    desk.ask("Choose B", "Yes, this one")
    expect(page.get_by_text("The winner is B")).to_be_visible()
    desk.open(here)
    desk.see_it_completed()
    desk.open(f"{here}/experiment")
    expect(page.get_by_role("row", name=re.compile("Variant B.*winner"))).to_be_visible()
    page.screenshot(path=SCREENS / "experiment-decided.png", full_page=True)
    page.context.add_cookies([{"name": "vestnik_language", "value": "ru", "url": desk.address}])
    page.reload()
    expect(page.get_by_text("Победил вариант B")).to_be_visible()
    page.screenshot(path=SCREENS / "experiment-decided-ru.png", full_page=True)
    assert desk.troubles == []
