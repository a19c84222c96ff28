"""The managers' page in a real browser: from the first sign-in to a campaign that has reached everybody, the failover
desk, and every page as people with and without good eyes see it."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import Desk, signed_in, written
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
PAGES = (
    "",
    "/campaigns",
    "/campaigns/new",
    "/campaigns/new?template=promo",
    "/lists",
    "/templates",
    "/templates/promo",
    "/event-rules",
    "/event-rules/new",
    "/event-rules/user.registered",
    "/links",
    "/users",
    "/users/reader-1",
    "/notifications",
    "/suppressions",
    "/subsystems",
    "/dead-letters",
    "/dead-letters/retry",
    "/attention",
    "/settings",
    "/keys",
    "/managers",
    "/audit",
    "/account",
)
SERIOUS = ("serious", "critical")


def test_a_manager_writes_a_campaign_and_watches_it_reach_everybody(desk: Desk, vestnik: Vestnik) -> None:
    address = written(desk, "Watched")
    page = desk.page
    expect(page.locator("dd b")).to_have_text("5")
    expect(page.frame_locator("iframe.desktop").get_by_text("Watched").first).to_be_visible()
    desk.ask("Start", "Yes, start")
    expect(page.locator("#live .badge").first).to_have_text("completed", timeout=60_000)  # by itself, as it goes on
    expect(page.locator(".funnel li").first).to_contain_text("5")
    assert page.url.partition("?")[0] == desk.address + address
    assert len(eventually(lambda: letters(vestnik, 5))) == 5
    assert desk.troubles == []


def letters(vestnik: Vestnik, n: int) -> list[object]:
    found = [letter for letter in vestnik.letters("reader-") if letter["subject"] == "Watched"]
    return list(found) if len(found) >= n else []


def test_a_campaign_is_paused_and_goes_on(desk: Desk) -> None:
    written(desk, "Held")
    page = desk.page
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Again and again, by a schedule").check()
    page.get_by_label("Every", exact=True).select_option("day")
    page.get_by_role("button", name="Save and check").click()
    expect(page.locator("ol li")).to_have_count(5)  # the next dates
    desk.ask("Start", "Yes, start")
    desk.ask("Pause", "Pause it")
    expect(page.locator(".title .badge").first).to_have_text("paused")
    desk.ask("Resume", "Go on")
    expect(page.locator(".title .badge").first).to_have_text("scheduled")
    desk.ask("Cancel", "Cancel for good")
    expect(page.locator(".title .badge").first).to_have_text("cancelled")


def test_a_switch_is_thrown_and_comes_back_by_its_ramp(desk: Desk) -> None:
    page = desk.open("/subsystems")
    card = page.locator("#switch-webhook")
    card.locator("summary").first.click()
    card.get_by_label("Reason").fill("a drill")
    card.get_by_role("button", name="Cut it off").click()
    expect(page.locator("#switch-webhook .badge")).to_have_text("cut off")
    expect(desk.open("").get_by_text("a drill")).to_be_visible()
    page = desk.open("/subsystems")
    card = page.locator("#switch-webhook")
    card.locator("summary").first.click()
    card.get_by_label("Reason").first.fill("the drill is over")
    card.get_by_role("button", name="Bring it back").click()
    expect(page.locator("#switch-webhook .badge")).to_have_text("coming back")


def test_a_file_becomes_an_audience(desk: Desk) -> None:
    page = desk.open("/lists")
    page.get_by_label("Name").fill("Друзья кино")
    rows = "email,name,город\nlist-1@admin.example,Анна,Омск\nnobody,Боб,Тверь\n"
    page.get_by_label("CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    page.get_by_role("button", name="Upload a list").click()
    expect(page.locator(".badge")).to_have_text("ready", timeout=30_000)  # by itself
    expect(page.locator("td", has_text="not as expected: email")).to_be_visible()
    page.get_by_role("link", name="Write a campaign to it").click()
    page.get_by_role("link", name="promo").click()
    expect(page.get_by_label("Uploaded list", exact=True)).to_contain_text("Друзья кино")
    expect(page.get_by_label("An uploaded list")).to_be_checked()
    assert desk.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_page_is_fit_for_everybody(browser: Browser, vestnik: Vestnik, readers: None, scheme: str) -> None:
    desk = signed_in(browser, vestnik, color_scheme=scheme, viewport={"width": 1280, "height": 900})
    axe, found = Axe(), []
    SCREENS.mkdir(parents=True, exist_ok=True)
    for path in PAGES:
        page = desk.open(path)
        name = path.strip("/").replace("/", "-").replace("?", "-") or "overview"
        violations = axe.run(page).response["violations"]
        found += [(path, one["id"], one["nodes"][0]["html"]) for one in violations if one["impact"] in SERIOUS]
        page.screenshot(path=SCREENS / f"admin-{name}-{scheme}.png", full_page=True)
        page.set_viewport_size({"width": 360, "height": 740})
        width = page.evaluate("document.documentElement.scrollWidth")
        found += [(path, "wider than a phone", str(width))] if width > 360 else []
        page.screenshot(path=SCREENS / f"admin-{name}-{scheme}-phone.png", full_page=True)
        page.set_viewport_size({"width": 1280, "height": 900})
    desk.page.context.close()
    assert (found, desk.troubles) == ([], [])
