"""A first part goes, waits for a person, and the rest follows; and the calendar, on a phone and a desktop."""

import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from chalicelib.clock import now
from tests.browser.conftest import SCREENS
from tests.browser.desk import READERS, Desk, signed_in
from tests.e2e.conftest import Vestnik, eventually

LETTER = {"headline": "Half price", "text": "All November.", "url": "https://cinema.example/promo"}
READERS_ALONE = {"rule": {"attribute": "id", "op": "in", "value": [f"reader-{n}" for n in range(READERS)]}}
WINDOWS: dict[str, dict[str, Any]] = {
    "desktop": {"viewport": {"width": 1280, "height": 900}},
    "phone": {"viewport": {"width": 390, "height": 844}, "color_scheme": "dark"},
    "no-scripts": {"viewport": {"width": 1280, "height": 900}, "java_script_enabled": False},
}

SHOWN_ON = {"desktop": ("tuesday", 1), "phone": ("wednesday", 2), "no-scripts": ("thursday", 3)}


def started(vestnik: Vestnik, name: str, **fields: Any) -> str:
    """The id of a started campaign to the readers."""
    body = {"name": name, "template": "promo", "audience": READERS_ALONE, "context": LETTER, **fields}
    made = vestnik.call("POST", "/v1/campaigns", body).json()
    answer = vestnik.call("POST", f"/v1/campaigns/{made['id']}/start")
    assert answer.ok, answer.text
    return str(made["id"])


def shoot(page: Page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=SCREENS / f"{name}.png", full_page=True)


def fit_for_everybody(page: Page) -> bool:
    found = Axe().run(page, options={"resultTypes": ["violations"]}).response["violations"]
    bad = [one["id"] for one in found if one["impact"] in ("serious", "critical")]
    assert bad == []
    return bool(page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"))


@pytest.fixture(params=WINDOWS)
def kind(request: pytest.FixtureRequest) -> str:
    """What kind of window."""
    return str(request.param)


@pytest.fixture
def desk(kind: str, browser: Browser, vestnik: Vestnik, readers: None, session: Any) -> Iterator[Desk]:
    """A window of the first manager, of this kind and in its language."""
    made = signed_in(browser, vestnik, session, **WINDOWS[kind])
    if kind == "phone":
        made.open("/look?language=ru")
    yield made
    made.close()


def test_the_first_part_waits_and_the_rest_is_released_beside_its_results(
    desk: Desk, vestnik: Vestnik, kind: str
) -> None:
    campaign = started(vestnik, f"Canary on a {kind}", canary_percent=40)
    russian = kind == "phone"
    waits, release, sure = (
        ("ждёт вашего решения", "Отпустить остальных", "Отправить остальным")
        if russian
        else ("waits for you", "Release the rest", "Send the rest")
    )

    def is_waiting() -> bool:
        vestnik.tick()
        page = desk.open(f"/campaigns/{campaign}")
        return page.locator("#live .title .badge").inner_text() == waits

    eventually(is_waiting)
    page = desk.page
    page.wait_for_load_state()
    decision = page.locator(".decision")
    expect(decision.get_by_role("heading")).to_have_text(re.compile("2"))
    expect(decision).to_contain_text("3")
    if kind != "no-scripts":
        assert fit_for_everybody(page)
    shoot(page, f"decision-{kind}")
    overview = desk.open("")
    needs = overview.locator(".needs", has_text=f"Canary on a {kind}")
    expect(needs).to_be_visible()
    shoot(overview, f"overview-decision-{kind}")
    needs.get_by_role("link", name="Решить" if russian else "Decide").last.click()
    page.goto(f"{desk.address}/campaigns/{campaign}")
    desk.ask(release, sure)

    def done() -> bool:
        vestnik.tick()
        state = vestnik.call("GET", f"/v1/campaigns/{campaign}").json()
        return bool(state["state"] == "completed" and state["progress"]["sent"] == READERS)

    eventually(done)
    page.goto(f"{desk.address}/campaigns/{campaign}")
    expect(page.locator(".decision")).to_have_count(0)
    assert desk.troubles == []


def test_the_calendar_shows_what_comes_by_month_and_by_week(desk: Desk, vestnik: Vestnik, kind: str) -> None:
    # A day shows its first four, so these are early, on a day of their own.
    shown, weekday = SHOWN_ON[kind]
    at = now().replace(hour=0, minute=10, second=0, microsecond=0) + timedelta(days=40)
    day = at + timedelta(days=(weekday - at.weekday()) % 7)
    name, weekly = (f"{what} on a {kind} {now():%H%M%S}" for what in ("Once", "Each week"))
    started(vestnik, name, start_at=day.isoformat())
    started(vestnik, weekly, schedule={"every": "week", "on": shown, "at": "00:10"}, timezone="recipient")
    page = desk.open(f"/calendar?day={day:%Y-%m-%d}")
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(1)
    assert page.get_by_role("link", name=weekly, exact=True).count() >= 3
    if kind != "no-scripts":
        assert fit_for_everybody(page)
    shoot(page, f"calendar-month-{kind}")
    page.get_by_role("link", name="Неделя" if kind == "phone" else "Week", exact=True).click()
    page.wait_for_load_state()
    expect(page.get_by_role("link", name=name, exact=True)).to_be_visible()
    expect(page.locator(".agenda > li")).to_have_count(7)
    if kind != "no-scripts":
        assert fit_for_everybody(page)
    shoot(page, f"calendar-week-{kind}")
    page.locator("a[rel=next]").click()
    expect(page.get_by_role("link", name=name, exact=True)).to_have_count(0)
    page.locator("main nav a", has_text="Сегодня" if kind == "phone" else "Today").click()
    expect(page.locator("[aria-current=date]")).to_be_visible()
    assert desk.troubles == []
