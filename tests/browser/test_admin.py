"""The managers' page in a real browser: from the first sign-in to a campaign that has reached everybody, the failover
desk, and every page as people with and without good eyes see it."""

from collections.abc import Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, expect

from infra.local.seed import FIRST_MANAGER
from tests.browser.conftest import SCREENS
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


class Desk:
    """A manager's browser."""

    def __init__(self, context: BrowserContext, vestnik: Vestnik) -> None:
        self.address = f"{vestnik.cloud.api_url}/admin"
        self.troubles: list[str] = []
        self.page: Page = context.new_page()
        self.page.set_default_timeout(30_000)
        self.page.on("console", lambda said: self.troubles.append(said.text) if said.type == "error" else None)
        self.page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def open(self, path: str) -> Page:
        self.page.goto(self.address + path)
        return self.page

    def ask(self, label: str, yes: str) -> None:
        """Presses a button that first says what will happen, then what it says."""
        box = self.page.locator("details", has=self.page.locator("summary", has_text=label)).first
        box.locator("summary").click()
        box.get_by_role("button", name=yes).click()


def signed_in(browser: Browser, vestnik: Vestnik, **how: object) -> Desk:
    context = browser.new_context(locale="en-GB", **how)  # type: ignore[arg-type]
    desk = Desk(context, vestnik)
    page = desk.open("")
    page.get_by_label("Name").fill(FIRST_MANAGER)
    page.get_by_label("Password").fill(vestnik.cloud.state.manager_password())
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    return desk


@pytest.fixture(scope="module")
def readers(vestnik: Vestnik) -> None:
    """A few users of the cinema."""
    users = [{"id": f"reader-{n}", "email": f"reader-{n}@admin.example", "name": f"Reader {n}"} for n in range(5)]
    answer = vestnik.call("POST", "/v1/users/batch", {"users": users})
    assert answer.ok, answer.text


@pytest.fixture
def desk(browser: Browser, vestnik: Vestnik, readers: None) -> Iterator[Desk]:
    made = signed_in(browser, vestnik)
    yield made
    made.page.context.close()


def written(desk: Desk, name: str) -> str:
    """A campaign to the readers, on its check page; its address."""
    page = desk.open("/campaigns/new?template=promo")
    page.get_by_label("Name of the campaign").fill(name)
    page.get_by_label("headline").fill("Half price")
    page.get_by_label("text", exact=True).fill("All November.")
    page.get_by_label("url").fill("https://cinema.example/promo")
    page.get_by_label("Whoever fulfils the conditions").check()
    page.get_by_label("Attribute").first.fill("id")
    page.get_by_label("Comparison").first.select_option("in")
    page.get_by_label("Value", exact=True).first.fill(", ".join(f"reader-{n}" for n in range(5)))
    page.get_by_role("button", name="Save and check").click()
    expect(page.get_by_role("heading", name="Who gets it")).to_be_visible()
    return page.url.partition("/check")[0].removeprefix(desk.address)


def test_a_manager_writes_a_campaign_and_watches_it_reach_everybody(desk: Desk, vestnik: Vestnik) -> None:
    address = written(desk, "Watched")
    page = desk.page
    expect(page.locator("dd b")).to_have_text("5")
    expect(page.frame_locator("iframe.desktop").get_by_text("Half price").first).to_be_visible()
    desk.ask("Start", "Yes, start")
    expect(page.locator("#live .badge").first).to_have_text("completed", timeout=60_000)  # by itself, as it goes on
    expect(page.locator(".funnel li").first).to_contain_text("5")
    assert page.url.partition("?")[0] == desk.address + address
    assert len(eventually(lambda: letters(vestnik, 5))) == 5
    assert desk.troubles == []


def letters(vestnik: Vestnik, n: int) -> list[object]:
    found = vestnik.letters("@admin.example")
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
