"""A real browser on a running service's pages: phone and desktop, with and without scripts. Screenshots
are in build/screens/."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Error, Page, ViewportSize, expect, sync_playwright

from infra.browser import REMEDY, chromium
from infra.paths import BUILD
from tests.browser.desk import READERS, Desk, sign_in, signed_in
from tests.e2e.conftest import Vestnik, a_test_that_is_run_again_finds_no_letters, cloud, vestnik

__all__ = ["a_test_that_is_run_again_finds_no_letters", "cloud", "vestnik"]  # pytest finds them here
# Chromium's own surface: each window would have renderers of its own for what drops down from the address bar.
SURFACE = ("WebUIOmniboxPopup", "WebUIOmniboxAimPopup", "PreloadTopChromeWebUI", "SpareRendererForSitePerProcess")
# Playwright's: the last list that Chromium is given is the only one.
UNSTEADY = (
    "AvoidUnnecessaryBeforeUnloadCheckSync", "DestroyProfileOnBrowserClose", "HttpsUpgrades",
    "HttpsFirstBalancedModeAutoEnable", "LensOverlay", "MediaRouter", "PaintHolding", "ThirdPartyStoragePartitioning",
    "AvoidCorsURLLoaderRestartOnRedirect", "OptimizationHints", "NetworkTimeServiceQuerying", "AimEnabled",
    "PreconnectToSearch",
)  # fmt: skip
QUIET = ["--no-sandbox", "--disable-gpu", f"--disable-features={','.join(SURFACE + UNSTEADY)}"]
SCREENS = BUILD / "screens"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What needs a service on which nobody has written anything comes first."""
    folders = list(dict.fromkeys(item.path.parent for item in items))
    items.sort(key=lambda item: (folders.index(item.path.parent), item.path.stem != "test_first_campaign_walk"))


@dataclass(frozen=True)
class Device:
    """One kind of device."""

    name: str
    viewport: ViewportSize
    scripts: bool = True
    dark: bool = False
    locale: str = "ru-RU"


DEVICES = (
    Device("phone", {"width": 360, "height": 740}),
    Device("phone-dark", {"width": 390, "height": 844}, dark=True),
    Device("desktop", {"width": 1280, "height": 900}),
    Device("no-scripts", {"width": 1280, "height": 900}, scripts=False, locale="en-GB"),
)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """What is waited for guards against hangs and measures nothing."""
    found = chromium()
    if found is None:
        pytest.skip(f"no Chromium: {REMEDY}")
    expect.set_options(timeout=30_000)
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=found, args=QUIET)
        yield running
        running.close()


@pytest.fixture(scope="module", params=DEVICES, ids=[device.name for device in DEVICES])
def device(request: pytest.FixtureRequest) -> Device:
    """Each kind of reader in turn."""
    chosen: Device = request.param
    return chosen


@dataclass(frozen=True)
class Window:
    """A browser window, and the errors in it."""

    page: Page
    device: Device
    troubles: list[str]

    def shoot(self, name: str) -> None:
        """Takes a screenshot."""
        SCREENS.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=Path(SCREENS) / f"{name}-{self.device.name}.png", full_page=True)

    def overflow_px(self) -> int:
        """How many pixels the page overflows the window sideways."""
        ends = [box["right"] for box in self.boxes("body *:visible") if box["width"] > 1]
        return round(max(ends, default=0) - self.device.viewport["width"])

    def boxes(self, selector: str) -> list[dict[str, float]]:
        """Where the elements are."""
        found: list[dict[str, float]] = self.page.locator(selector).evaluate_all(
            "all => all.map(one => one.getBoundingClientRect().toJSON())"
        )
        return found


@pytest.fixture(scope="module")
def device_page(browser: Browser, device: Device) -> Iterator[Page]:
    """One page a device, for all its tests: to make one costs more than to show something on it."""
    context = browser.new_context(
        viewport=device.viewport,
        java_script_enabled=device.scripts,
        locale=device.locale,
        color_scheme="dark" if device.dark else "light",
        has_touch="phone" in device.name,
    )
    page = context.new_page()
    page.set_default_timeout(30_000)
    yield page
    context.close()


@pytest.fixture
def window(device_page: Page, device: Device) -> Iterator[Window]:
    """A window of the device: no cookies, nothing remembered."""
    page, troubles = device_page, list[str]()

    def heard(message: ConsoleMessage) -> None:
        troubles.extend([message.text] if message.type == "error" else [])

    def failed(error: Error) -> None:
        troubles.append(str(error))

    page.on("console", heard)
    page.on("pageerror", failed)
    yield Window(page, device, troubles)
    page.remove_listener("console", heard)
    page.remove_listener("pageerror", failed)
    page.goto("about:blank")
    page.context.clear_cookies()


@pytest.fixture(scope="session")
def readers(vestnik: Vestnik) -> None:
    """A few users of the cinema."""
    users = [{"id": f"reader-{n}", "email": f"reader-{n}@admin.example", "name": f"Reader {n}"} for n in range(READERS)]
    answer = vestnik.call("POST", "/v1/users/batch", {"users": users})
    assert answer.ok, answer.text


@pytest.fixture(scope="session")
def session(browser: Browser, vestnik: Vestnik) -> Any:
    """The cookies of the first manager, who has signed in once for all tests that are not about signing in."""
    desk = Desk(browser.new_context(locale="en-GB"), vestnik)
    sign_in(desk, password=vestnik.cloud.state.manager_password())
    cookies = desk.page.context.storage_state()
    desk.close()
    return cookies


@pytest.fixture
def desk(browser: Browser, vestnik: Vestnik, readers: None, session: Any) -> Iterator[Desk]:
    """A window of the first manager."""
    made = signed_in(browser, vestnik, session)
    yield made
    made.close()
