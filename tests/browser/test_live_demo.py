"""The reference client in a real browser, two windows: toasts, the inbox, who is here, the chat, what was missed."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page, WebSocket, WebSocketRoute, expect

from tests.e2e.conftest import Vestnik, eventually

pytestmark = pytest.mark.e2e
_MS = 30_000
Enter = Callable[[str, str], Page]


@pytest.fixture
def enter(browser: Browser, vestnik: Vestnik) -> Iterator[Enter]:
    """Opens a window, and goes in as a user under a name; fails when anything in the page did."""
    with ExitStack() as stack:

        def open_window(user_id: str, name: str) -> Page:
            page = stack.enter_context(_page(browser))
            _enter(page, vestnik, user_id, name)
            return page

        yield open_window


def _enter(page: Page, vestnik: Vestnik, user_id: str, name: str) -> None:
    vestnik.call("PUT", f"/v1/users/{user_id}", {"name": name, "locale": "ru"})
    page.goto(f"{vestnik.cloud.api_url}/live-demo")
    page.get_by_label("Пользователь").fill(user_id)
    page.get_by_label("Имя в чате").fill(name)
    page.get_by_role("button", name="Войти").click()
    expect(page.locator("#status")).to_have_text(f"В сети: {user_id}", timeout=_MS)


class Wire:
    """The network between a page and the gateway: cut, it closes the socket and lets no new one through."""

    def __init__(self, page: Page) -> None:
        self._broken = False
        self._open: list[WebSocketRoute] = []
        page.route_web_socket("**/*", self._connect)

    def drop(self) -> None:
        self._broken = True
        for socket in self._open:
            socket.close(code=1001)
        self._open.clear()

    def mend(self) -> None:
        self._broken = False

    def _connect(self, socket: WebSocketRoute) -> None:
        if self._broken:
            socket.close(code=1001)
            return
        socket.connect_to_server()
        self._open.append(socket)


@contextmanager
def _page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(locale="ru-RU")
    page, troubles = context.new_page(), list[str]()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    page.on("console", lambda message: troubles.append(message.text) if "Content Security" in message.text else None)
    try:
        yield page
        assert troubles == []
    finally:
        context.close()


def notify(vestnik: Vestnik, user_id: str, headline: str) -> None:
    body = {
        "template": "promo",
        "channels": ["live"],
        "recipients": [{"user_id": user_id}],
        "context": {"headline": headline, "text": "Только сегодня", "url": "https://cinema.example/p"},
    }
    assert vestnik.call("POST", "/v1/notifications", body).status_code == 202


def _let_run(page: Page) -> bool:
    """Playwright hears of sockets only while it is asked something."""
    page.wait_for_timeout(100)
    return True


def inbox(vestnik: Vestnik, user_id: str) -> object:
    return vestnik.call("GET", f"/v1/users/{user_id}/inbox").json()


def test_two_windows_see_each_other_and_talk(enter: Enter) -> None:
    first, second = enter("win-1", "Инна"), enter("win-2", "Пётр")
    for page in (first, second):
        expect(page.locator("#present")).to_contain_text("Инна", timeout=_MS)
        expect(page.locator("#present")).to_contain_text("Пётр", timeout=_MS)
    first.get_by_label("Сообщение").fill("Пётр: <b>привет</b>")
    first.get_by_role("button", name="Сказать").click()
    expect(second.locator("#chat")).to_contain_text("Инна: <b>привет</b>", timeout=_MS)
    second.get_by_label("Сообщение").fill("Никто: ау")
    second.get_by_role("button", name="Сказать").click()
    expect(second.locator("#chat .warning")).to_contain_text("нет никого с именем Никто", timeout=_MS)


def test_a_window_that_closes_leaves_the_list_of_the_other(enter: Enter) -> None:
    first, second = enter("win-3", "Рита"), enter("win-4", "Сава")
    expect(first.locator("#present")).to_contain_text("Сава", timeout=_MS)
    second.close()
    expect(first.locator("#present")).not_to_contain_text("Сава", timeout=_MS)


def test_a_notification_is_a_toast_and_an_entry_in_both_windows_and_is_read_in_both(
    enter: Enter, vestnik: Vestnik
) -> None:
    windows = [enter("win-5", "Таня"), enter("win-5", "Таня")]
    notify(vestnik, "win-5", "Премьера")
    for page in windows:
        expect(page.locator(".toast")).to_contain_text("Премьера", timeout=_MS)
        expect(page.locator("#unread")).to_have_text("1", timeout=_MS)
    windows[0].get_by_role("button", name="Прочитать все").click()
    for page in windows:
        expect(page.locator("#unread")).to_have_text("0", timeout=_MS)
        expect(page.locator("#inbox li.unread")).to_have_count(0)


def test_what_was_missed_while_the_network_was_away_comes_in_order(browser: Browser, vestnik: Vestnik) -> None:
    with _page(browser) as page:
        wire = Wire(page)
        _enter(page, vestnik, "win-6", "Уля")
        _miss_two(page, vestnik, wire)


def _miss_two(page: Page, vestnik: Vestnik, wire: Wire) -> None:
    notify(vestnik, "win-6", "Раз")
    expect(page.locator("#inbox li")).to_have_count(1, timeout=_MS)
    wire.drop()
    notify(vestnik, "win-6", "Два")
    assert eventually(lambda: "Два" in str(inbox(vestnik, "win-6")))
    notify(vestnik, "win-6", "Три")
    assert eventually(lambda: "Три" in str(inbox(vestnik, "win-6")))
    wire.mend()
    expect(page.locator("#inbox li")).to_have_count(3, timeout=_MS)
    titles = [item.split("\n")[0] for item in page.locator("#inbox li").all_inner_texts()]
    assert titles == ["Три", "Два", "Раз"]


def test_a_page_beats_its_heart_and_renews_its_connection_before_the_gateway_ends_it(
    browser: Browser, vestnik: Vestnik
) -> None:
    with _page(browser) as page:
        opened, beats = [], []

        def listen(socket: WebSocket) -> None:
            opened.append(socket)
            socket.on("framesent", lambda frame: beats.append(frame) if '"ping"' in str(frame) else None)

        page.on("websocket", listen)
        page.clock.install()
        _enter(page, vestnik, "win-7", "Фёкла")
        page.clock.run_for("09:59")  # of the ten minutes of silence that API Gateway allows
        assert len(beats) >= 1
        page.clock.fast_forward("01:50:00")  # of its two hours
        expect(page.locator("#status")).to_have_text("В сети: win-7", timeout=_MS)
        assert eventually(lambda: _let_run(page) and len(opened) == 2)
        assert eventually(lambda: _let_run(page) and opened[0].is_closed())
        assert not opened[1].is_closed()
        notify(vestnik, "win-7", "После продления")
        expect(page.locator(".toast")).to_contain_text("После продления", timeout=_MS)
