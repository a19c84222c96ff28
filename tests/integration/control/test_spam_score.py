"""The spam score of a letter, by a real SpamAssassin where the machine has one."""

import json
import shutil
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from chalicelib.rendering.lint.letter_page import read_page
from chalicelib.rendering.lint.model import LintedLetter
from chalicelib.services.spam_score import SpamFilter, SpamRule
from tests.serving import serving
from tools.spam_filter import server

SENDER = "Cinema <news@cinema.example>"
ASSASSIN = pytest.mark.skipif(shutil.which("spamassassin") is None, reason="apt-get install spamassassin")


def letter(html: str, subject: str = "What is on tonight", text: str = "What is on tonight\n") -> LintedLetter:
    return LintedLetter("en", subject, html, text, read_page(html), unsubscribe="https://cinema.example/u/1")


@ASSASSIN
def test_spamassassin_likes_a_plain_letter_and_names_the_rules_that_another_meets() -> None:
    with serving(server(0)) as url:
        plain = SpamFilter(url, sender=SENDER).score(letter("<html><body><p>What is on tonight</p></body></html>"))
        gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"
        spam = SpamFilter(url, sender=SENDER).score(letter(f"<html><body><p>{gtube}</p></body></html>", text=gtube))

    assert plain is not None
    assert spam is not None
    assert plain.score < plain.threshold < spam.score
    assert "GTUBE" in {one.name for one in spam.rules}


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"score": 1}', '{"score": 1, "required_score": 5, "symbols": []}'])
def test_a_filter_that_gives_no_score_measures_nothing(body: str) -> None:
    with serving(ThreadingHTTPServer(("127.0.0.1", 0), answering(body))) as url:
        assert SpamFilter(url, sender=SENDER).score(letter("<p>a</p>")) is None


def test_no_filter_at_the_address_measures_nothing() -> None:
    assert SpamFilter("http://127.0.0.1:1", sender=SENDER).score(letter("<p>a</p>")) is None


def test_the_rules_that_count_are_told_first() -> None:
    symbols = {"A": {"score": 0.1}, "B": {"score": 0}, "C": {"score": -1.5, "description": "good"}}
    body = json.dumps({"score": -1.4, "required_score": 15, "symbols": symbols})

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), answering(body))) as url:
        found = SpamFilter(url, sender=SENDER).score(letter("<p>a</p>"))

    assert found == (-1.4, 15.0, [SpamRule("C", -1.5, "good"), SpamRule("A", 0.1, "")])


def answering(body: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    return Handler
