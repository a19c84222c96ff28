"""A list from the file to its people, as a marketing manager goes: on a phone in Russian without scripts, and at a desk
in English with a file that is too long for a form."""

import csv
import io
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import SCREENS
from tests.browser.desk import MORE_TIME_MS, Desk, signed_in
from tests.e2e.conftest import Vestnik, eventually

PHONE, WIDE = {"width": 390, "height": 844}, {"width": 1280, "height": 900}
ROWS = [f"walk-{n}@lists.example;Анна {n};Омск;-" if n % 10 else f"нет адреса {n};Пётр;=1+1;-" for n in range(60)]
FILE = "\r\n".join(["sep=;", "Эл. почта;Имя;Город;Заметки;;", *ROWS, ""]).encode("cp1251")
PEOPLE = 12_000


def shoot(page: Page, name: str) -> None:
    SCREENS.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=Path(SCREENS) / f"lists-{name}.png", full_page=True)


def in_russian(desk: Desk) -> None:
    cookie = {"name": "vestnik_language", "value": "ru", "url": desk.address}
    desk.page.context.add_cookies([cookie])  # type: ignore[list-item]


def test_a_phone_without_scripts_takes_a_file_of_excel(browser: Browser, vestnik: Vestnik, session: Any) -> None:
    desk = signed_in(
        browser, vestnik, session, viewport=PHONE, color_scheme="dark", java_script_enabled=False, accept_downloads=True
    )
    in_russian(desk)
    page = desk.open("/lists")
    page.get_by_label("Название списка").fill("Осень в кино")
    page.get_by_label("Файл CSV").set_input_files(
        {"name": "a.xlsx", "mimeType": "text/csv", "buffer": b"PK\x03\x04\x14\x00"}
    )
    page.get_by_role("button", name="Загрузить и проверить колонки").click()
    expect(page.get_by_role("alert").first).to_contain_text("это книга Excel, а не CSV: сохраните таблицу как CSV")
    expect(page.get_by_label("Название списка")).to_have_value("Осень в кино")

    page.get_by_label("Файл CSV").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": FILE})
    page.get_by_role("button", name="Загрузить и проверить колонки").click()
    expect(page.get_by_text("Строк: 60. Верных: 54, будет отброшено: 6.")).to_be_visible()
    expect(page.get_by_text("Прочитано как Windows-1251 (кириллица)")).to_be_visible()
    page.get_by_label("Заметки: станет").select_option(label="Пропустить")
    page.get_by_label("Город: Имя переменной").fill("city")
    shoot(page, "columns-phone-ru")
    page.get_by_role("button", name="Загрузить список").click()

    def ready() -> bool:
        page.reload()
        return page.locator(".title .badge").inner_text() == "готов"

    eventually(ready)
    page.get_by_label("Адрес, id пользователя").fill("WALK-11@lists.example")
    page.get_by_role("button", name="Найти").click()
    expect(page.get_by_text("Анна 11")).to_be_visible()
    shoot(page, "found-phone-ru")
    with page.expect_download() as download:
        page.get_by_role("link", name="Скачать их в CSV").click()
    table = list(csv.reader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig")), delimiter=";"))
    assert table[0] == ["Строка", "Почему", "Эл. почта", "Имя", "Город", "Заметки"]
    assert [line[2:5] for line in table[1:3]] == [["нет адреса 0", "Пётр", "'=1+1"], ["нет адреса 10", "Пётр", "'=1+1"]]
    desk.close()


def test_a_long_file_goes_to_the_bucket_by_script_and_is_read(browser: Browser, vestnik: Vestnik, session: Any) -> None:
    """And the list is renamed, found and deleted."""
    desk = signed_in(browser, vestnik, session, viewport=WIDE)
    rows = "".join(f"crowd-{n}@long-lists.example,Viewer {n},{'x' * 360}\n" for n in range(PEOPLE))
    file = f"Email Address,First Name,Note\n{rows}".encode()
    page = desk.open("/lists")
    page.get_by_label("Name of the list").fill("Everybody")
    page.get_by_label("CSV file").set_input_files({"name": "a.csv", "mimeType": "text/csv", "buffer": file})
    page.get_by_role("button", name="Upload and look at the columns").click()
    expect(page.get_by_text("The file goes on.")).to_be_visible(timeout=MORE_TIME_MS)
    page.get_by_label("Note: becomes").select_option(label="Left out")
    shoot(page, "columns-wide-en")
    page.get_by_role("button", name="Load the list").click()
    expect(page.locator(".title .badge")).to_have_text("ready", timeout=MORE_TIME_MS)  # by itself
    expect(page.locator(".figures dd").first).to_have_text(f"{PEOPLE:,}")

    page.get_by_label("Name of the list").fill("Everybody we know")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", name="Everybody we know", level=1)).to_be_visible()
    page = desk.open("/lists?q=everybody+KNOW")
    page.get_by_role("link", name="Everybody we know").click()
    shoot(page, "list-wide-en")
    desk.ask("Delete the list", "Yes, delete")
    expect(page.get_by_role("heading", name="Lists", level=1)).to_be_visible(timeout=MORE_TIME_MS)
    assert desk.troubles == []
    desk.close()
