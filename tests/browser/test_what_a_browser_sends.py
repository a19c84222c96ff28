"""The forms that other tests send are those that Chromium sends: line ends, dates, boxes, files."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from playwright.sync_api import Browser

from tests import forms
from tests.serving import serving

PAGE = """<!doctype html><meta charset="utf-8"><form method="post" action="/" {enctype}>
<input type="hidden" name="token" value="a&#10;b"><input name="line"><textarea name="text"></textarea>
<input type="date" name="day"><input type="time" name="hour"><input type="datetime-local" name="moment">
<input type="number" step="any" name="rate"><input type="checkbox" name="box" value="1">
<input type="checkbox" name="off"><input type="checkbox" name="on" checked>
<select name="many" multiple><option>a<option>b<option>c</select>
<input name='odd "name"' value="*-._~ +&=%">{file}<button>Send</button></form>"""
FILE = '<input type="file" name="file"><input type="file" name="none">'
TEXT = "Первая\r\nи\u0306 вторая\rтретья\n\nчетвёртая\u2028\u00a0🎬 "
SENT = {
    "token": "a\nb",
    "line": "in one line",
    "text": TEXT,
    "day": "2026-11-28",
    "hour": "18:05",
    "moment": "2026-11-28T18:05",
    "rate": "0.5",
    "box": "1",
    "on": "on",
    "many": ["a", "c"],
    'odd "name"': "*-._~ +&=%",
}


@contextmanager
def receiver(page: str) -> Iterator[tuple[str, list[tuple[str, bytes]]]]:
    """A server of one page that keeps what is posted to it."""
    kept: list[tuple[str, bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.answer()

        def do_POST(self) -> None:
            kept.append((self.headers["content-type"], self.rfile.read(int(self.headers["content-length"]))))
            self.answer()

        def answer(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(page.encode())

        def log_message(self, format: str, *args: object) -> None:
            return

    with serving(HTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield f"{url}/", kept


def sent_by(browser: Browser, page_source: str, file: forms.File | None = None) -> tuple[str, bytes]:
    with receiver(page_source) as (url, kept):
        page = browser.new_page()
        page.goto(url)
        for name in ("line", "text", "day", "hour", "moment", "rate"):
            page.fill(f"[name={name}]", str(SENT[name]))
        page.check("[name=box]")
        page.select_option("[name=many]", ["a", "c"])
        if file is not None:
            page.set_input_files("[name=file]", {"name": file.name, "mimeType": file.kind, "buffer": file.content})
        with page.expect_response(lambda answer: answer.request.method == "POST"):
            page.click("button")
        page.close()
    return kept[0]


def test_a_plain_form_is_sent_as_our_tests_send_it(browser: Browser) -> None:
    """Promise E2: a browser sends every line end as CR LF, and so do the tests."""
    kind, body = sent_by(browser, PAGE.format(enctype="", file=""))

    assert (kind, body) == (forms.URLENCODED, forms.urlencoded(SENT))


@pytest.mark.parametrize("name", ["a.csv", 'a "b"\u00e9.csv'])
def test_a_form_with_files_is_sent_as_our_tests_send_it(browser: Browser, name: str) -> None:
    file = forms.File(name, "text/csv", b"email\na@x.example\r\n")

    kind, body = sent_by(browser, PAGE.format(enctype='enctype="multipart/form-data"', file=FILE), file)

    boundary = kind.partition("boundary=")[2]
    assert kind == f"multipart/form-data; boundary={boundary}"
    ours = forms.multipart(SENT, {"file": file, "none": forms.NO_FILE})[1]
    assert body.replace(boundary.encode(), forms.BOUNDARY.encode()) == ours
