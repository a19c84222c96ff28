"""The managers' page in a real browser: from the first sign-in to a campaign that has reached everybody, pausing, the
failover desk, an audience from a file."""

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.desk import READERS, Desk, sign_in, written
from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e


def test_from_the_first_sign_in_to_a_campaign_that_reached_everybody(
    browser: Browser, vestnik: Vestnik, readers: None
) -> None:
    desk = Desk(browser.new_context(locale="en-GB"), vestnik)
    sign_in(desk, password=vestnik.cloud.state.manager_password())
    page = desk.open("/templates/new")
    page.get_by_label("Title").fill("Spring sale")
    page.get_by_label("Start from").select_option("promo")
    page.get_by_role("button", name="Create").click()
    page.locator('[name="source.ru.email.subject"]').fill("Spring: {{ headline }}")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("Spring:").first).to_be_visible()  # by itself, while it is typed
    page.get_by_role("button", name="Save as a new version").click()
    page.locator("summary", has_text="What has changed").click()
    expect(page.locator(".added", has_text="Spring: {{ headline }}")).to_be_visible()

    address = written(desk, "Watched", template="spring-sale")
    expect(page.locator("dd b")).to_have_text(str(READERS))
    expect(page.frame_locator("iframe.desktop").get_by_text("Watched").first).to_be_visible()
    desk.ask("Start", "Yes, start")
    desk.see_it_completed()
    expect(page.locator("#live progress").first).to_have_js_property("position", 1)
    expect(page.locator(".funnel li").first).to_contain_text(str(READERS))
    assert page.url.partition("?")[0] == desk.address + address
    assert len(eventually(lambda: letters(vestnik, "Spring: Watched", READERS))) == READERS
    assert desk.troubles == []
    desk.close()


def letters(vestnik: Vestnik, subject: str, n: int) -> list[object]:
    found = [letter for letter in vestnik.letters("reader-") if letter["subject"] == subject]
    return list(found) if len(found) >= n else []


def test_a_campaign_is_paused_and_goes_on(desk: Desk) -> None:
    written(desk, "Held")
    page = desk.page
    page.get_by_role("link", name="Change").click()
    page.get_by_label("Every day").check()
    page.get_by_role("button", name="Save and check").click()
    expect(page.locator("ol li")).to_have_count(5)  # the next dates
    desk.ask("Start", "Yes, start")
    desk.ask("Pause", "Pause it")
    expect(page.locator(".title .badge").first).to_have_text("paused")
    desk.ask("Resume", "Go on")
    expect(page.locator(".title .badge").first).to_have_text("scheduled")
    desk.ask("Cancel", "Cancel for good")
    expect(page.locator(".title .badge").first).to_have_text("cancelled")


def test_the_form_asks_only_for_what_its_choices_need(desk: Desk) -> None:
    page = desk.open("/campaigns/new?template=promo")
    attribute, monday = page.get_by_label("Attribute").first, page.get_by_label("Monday", exact=True)
    expect(attribute).to_be_hidden()
    page.get_by_label("Whoever fulfils conditions").check()
    expect(attribute).to_be_visible()
    expect(monday).to_be_hidden()
    page.get_by_label("Every week").check()
    expect(monday).to_be_visible()


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
    page.get_by_label("Name of the list").fill("Друзья кино")
    rows = "E-mail;Имя;город\r\nlist-1@admin.example;Анна;Омск\r\nnobody;Боб;Тверь\r\n".encode("cp1251")
    page.get_by_label("CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": rows})
    page.get_by_role("button", name="Upload and look at the columns").click()
    expect(page.get_by_label("Имя: becomes")).to_have_value("name")
    expect(page.get_by_label("Имя: Name of the variable")).to_be_hidden()
    page.get_by_label("город: Name of the variable").fill("city")
    page.get_by_role("button", name="Load the list").click()
    expect(page.locator(".badge")).to_have_text("ready")  # by itself
    expect(page.locator("td", has_text="not an e-mail address such as anna@example.com")).to_be_visible()
    page.get_by_role("link", name="Write a campaign to it").click()
    page.locator('a[href*="template=promo"]').click()
    expect(page.get_by_label("Segments and lists")).to_be_checked()
    expect(page.get_by_role("group", name="Lists", exact=True).get_by_label("Друзья кино")).to_be_checked()
    assert desk.troubles == []
