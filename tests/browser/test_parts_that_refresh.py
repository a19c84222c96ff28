"""A part of a page comes later or again, as on a slow machine: what a person does meanwhile is not undone."""

from typing import Any

from playwright.sync_api import Response, Route, expect

from tests.browser.desk import Desk, written
from tests.browser.test_decision_walks import started
from tests.e2e.conftest import Vestnik, eventually


def is_refresh(answer: Response) -> bool:
    return answer.request.headers.get("hx-request") == "true"


def test_a_part_that_comes_while_a_button_is_pressed_does_not_move_it(desk: Desk) -> None:
    page, held = desk.page, list[Route]()
    written(desk, "Pressed early")
    page.route("**/checks", lambda asked: held.append(asked))
    page.reload()
    start = page.locator("summary", has_text="Start")
    start.hover()
    before, high = start.bounding_box(), page.evaluate("document.documentElement.scrollHeight")
    page.mouse.down()
    eventually(lambda: page.wait_for_timeout(50) or held)  # type: ignore[func-returns-value]
    held[0].continue_()
    expect(page.locator("#checks form")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollHeight") > high
    after = start.bounding_box()
    page.mouse.up()

    assert before is not None
    assert after is not None
    assert abs(after["y"] - before["y"]) < 2
    expect(page.get_by_role("button", name="Yes, start")).to_be_visible()
    assert desk.troubles == []


def test_an_open_question_stays_open_and_keeps_the_keyboard_while_its_part_refreshes(
    desk: Desk, vestnik: Vestnik
) -> None:
    campaign = started(vestnik, "Read slowly", canary_percent=40)
    page = desk.page

    def waits() -> bool:
        vestnik.tick()
        return desk.open(f"/campaigns/{campaign}").locator(".decision").count() > 0

    eventually(waits)
    question = page.locator(".decision details", has_text="Release the rest")
    question.locator("summary").press("Enter")
    yes = question.get_by_role("button", name="Send the rest")
    yes.focus()
    old: Any = yes.element_handle()
    for _ in range(2):
        with page.expect_response(is_refresh):
            pass
    eventually(lambda: page.wait_for_timeout(50) or not old.evaluate("one => one.isConnected"))  # type: ignore[func-returns-value]

    expect(yes).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator(".decision")).to_have_count(0)
    assert desk.troubles == []


def test_a_press_ends_on_the_button_on_which_it_began(desk: Desk, vestnik: Vestnik) -> None:
    """However long it takes: the part under it refreshes afterwards."""
    page = desk.open("")
    link = page.locator("#now").get_by_role("link", name="New campaign").first
    link.hover()
    page.mouse.down()
    for _ in range(2):
        with page.expect_response(is_refresh):
            pass
    page.mouse.up()
    expect(page).to_have_url(f"{desk.address}/campaigns/new")
    assert desk.troubles == []
