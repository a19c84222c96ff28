"""The reference client in a real browser, two windows: toasts, the inbox, who is here, the chat, what was missed."""

import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, WebSocket, WebSocketRoute, expect

from tests.browser.desk import let_run
from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.sockets import guest

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


def _say(page: Page, words: str) -> None:
    page.get_by_label("Сообщение").fill(words)
    page.get_by_role("button", name="Сказать").click()


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

    def restore(self) -> None:
        self._broken = False

    def _connect(self, socket: WebSocketRoute) -> None:
        if self._broken:
            socket.close(code=1001)
            return
        socket.connect_to_server()
        self._open.append(socket)


@contextmanager
def _page(browser: Browser, *, locale: str = "ru-RU", viewport: ViewportSize | None = None) -> Iterator[Page]:
    context = browser.new_context(locale=locale, viewport=viewport)
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


def inbox(vestnik: Vestnik, user_id: str) -> object:
    return vestnik.call("GET", f"/v1/users/{user_id}/inbox").json()


def test_two_windows_see_each_other_and_talk(enter: Enter) -> None:
    first, second = enter("win-1", "Инна"), enter("win-2", "Пётр")
    for page in (first, second):
        expect(page.locator("#present")).to_contain_text("Инна", timeout=_MS)
        expect(page.locator("#present")).to_contain_text("Пётр", timeout=_MS)
    _say(first, "Пётр: <b>привет</b>")
    expect(second.locator("#chat")).to_contain_text("Инна: <b>привет</b>", timeout=_MS)
    _say(second, "Никто: ау")
    expect(second.locator("#chat .warning")).to_contain_text("нет никого с именем Никто", timeout=_MS)


def test_a_guest_is_marked_wherever_the_name_stands(enter: Enter, vestnik: Vestnik) -> None:
    page = enter("win-guest", "Марк")
    with guest(vestnik, "Прохожий") as stranger:
        stranger.send("Марк: добрый день")
        expect(page.locator("#chat .theirs")).to_contain_text("Прохожий гость: добрый день", timeout=_MS)
        expect(page.locator("#present li", has_text="Прохожий").locator(".guest")).to_have_text("гость", timeout=_MS)
        page.locator("#language").click()
        expect(page.locator("#chat .guest")).to_have_text("guest")
    expect(page.locator("#present li", has_text="Марк").locator(".guest")).to_have_count(0)


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


def test_a_visitor_can_have_an_example_sent(enter: Enter) -> None:
    page = enter("win-11", "Юля")
    page.get_by_role("button", name="Прислать мне пример").click()
    expect(page.locator(".toast")).to_contain_text("Дальний свет", timeout=_MS)
    page.get_by_role("button", name="Прочитано").click()
    expect(page.locator("#unread")).to_have_text("0", timeout=_MS)


def test_a_person_is_blocked_by_a_press_of_a_button_and_heard_again_by_another(enter: Enter) -> None:
    first, second = enter("win-8", "Харитина"), enter("win-9", "Яков")
    first.get_by_role("button", name="Не слышать: Яков").click(timeout=_MS)
    expect(first.get_by_role("button", name="Снова слышать: Яков")).to_be_visible(timeout=_MS)
    _say(second, "Харитина: слышишь?")
    expect(second.locator("#chat .mine:not(.waiting)")).to_contain_text("слышишь?", timeout=_MS)
    first.get_by_role("button", name="Снова слышать: Яков").click()
    expect(first.get_by_role("button", name="Не слышать: Яков")).to_be_visible(timeout=_MS)
    second.get_by_role("button", name="Харитина", exact=True).click()
    expect(second.get_by_label("Сообщение")).to_have_value("Харитина: ")
    _say(second, "Харитина: а теперь?")
    expect(first.locator("#chat")).to_contain_text("а теперь?", timeout=_MS)
    expect(first.locator("#chat")).not_to_contain_text("слышишь?")


def test_the_page_speaks_the_readers_language_and_fits_a_phone(browser: Browser, vestnik: Vestnik) -> None:
    with _page(browser, locale="en-GB", viewport={"width": 360, "height": 740}) as page:
        page.goto(f"{vestnik.cloud.api_url}/live-demo")
        expect(page.get_by_role("heading", level=1)).to_have_text("Live notifications")
        page.get_by_label("User").fill("nobody-here")
        page.get_by_role("button", name="Enter").click()
        expect(page.locator("#status")).to_have_text("No such user: nobody-here", timeout=_MS)
        page.get_by_role("button", name="Русский").click()
        expect(page.locator("#status")).to_have_text("Нет такого пользователя: nobody-here")
        assert page.evaluate("document.documentElement.scrollWidth") <= 360


def test_a_page_that_is_held_while_it_asks_for_what_it_missed_asks_again(browser: Browser, vestnik: Vestnik) -> None:
    """The server is played: a real one holds a client only after many pages of what it missed."""
    asked: list[str] = []

    def serve(socket: WebSocketRoute) -> None:
        def answer(frame: str) -> None:
            if '"resume"' not in frame:
                return
            asked.append(frame)
            socket.send(json.dumps(HELD if len(asked) == 1 else MISSED))

        socket.on_message(lambda frame: answer(str(frame)))
        socket.send(json.dumps({"event": "hello", "user_id": "win-10", "name": "Эмма", "inbox": INBOX}))
        if not asked:
            socket.send(json.dumps({"event": "notification", **ENTRY, "cursor": "2", "unread": 2}))  # 1 was missed

    with _page(browser) as page:
        page.route_web_socket("**/*", serve)
        page.clock.install()
        _enter(page, vestnik, "win-10", "Эмма")
        assert eventually(lambda: let_run(page) and asked)
        page.clock.run_for("00:16")  # the mute, and a little
        expect(page.locator("#inbox li")).to_have_count(2, timeout=_MS)
    assert len(asked) == 2


INBOX = {"cursor": "0", "unread": 0}
ENTRY = {"id": "n", "at": "2026-11-26T08:00:00Z", "read": False, "title": "Раз", "body": "", "url": ""}
HELD = {"event": "warning", "code": "muted", "seconds": 15, "message": {"ru": "Тише.", "en": "Hush."}}
MISSED = {
    "event": "resumed",
    "entries": [{**ENTRY, "cursor": "1"}, {**ENTRY, "id": "n2", "cursor": "2"}],
    "cursor": "2",
    "more": False,
    "unread": 2,
}


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
    wire.restore()
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
        assert eventually(lambda: let_run(page) and len(opened) == 2)
        assert eventually(lambda: let_run(page) and opened[0].is_closed())
        assert not opened[1].is_closed()
        notify(vestnik, "win-7", "После продления")
        expect(page.locator(".toast")).to_contain_text("После продления", timeout=_MS)
