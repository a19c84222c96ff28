"""Every `curl` that a page tells a person to type does what the page says: it reaches a call that takes it as it is."""

import re
import shlex
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from infra.paths import ROOT
from tests.integration.api.gateway import Gateway
from tests.integration.control import mappings

PAGES = [ROOT / "README.md", *sorted(set((ROOT / "docs").glob("*.md")) - {ROOT / "docs" / "api.md"})]  # api.md: its own
BASES = ("$api", "$API")
# What stands for something of the reader's, with something that may stand there.
EXAMPLES = {
    "$json": "Content-Type: application/json",
    "<queue>": "deliver-email",
    "<subsystem>": "ses",
    "<id>": "0d2b0c56-5a0b-4c3e-9a55-0c1d2e3f4a5b",
    "$delivery_id": "db29202f-74e9-5379-8652-925104101c50_email",
    "…": "db29202f-74e9-5379-8652-925104101c50",
}
NOT_THERE = 404  # a delivery, a list: the stage is empty
_OPTIONS = {"-X": "method", "-H": "header", "-d": "data"}


@dataclass(frozen=True)
class Call:
    """What a `curl` line sends; without a word about it a body is a form."""

    method: str
    path: str
    headers: dict[str, str]
    data: bytes


def call(line: str) -> Call:
    """Reads the line as a shell and curl do."""
    words = iter(shlex.split(line, comments=True)[1:])
    found: dict[str, list[str]] = {"method": [], "header": [], "data": [], "url": []}
    for word in words:
        if word in _OPTIONS:
            found[_OPTIONS[word]].append(next(words))
        elif not word.startswith("-"):
            found["url"].append(word)
    headers = dict(one.split(": ", 1) for one in found["header"] if ": " in one)
    data = "".join(found["data"]).encode()
    if data:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    [url] = found["url"]
    path = urlsplit(url.removeprefix(next(base for base in BASES if url.startswith(base)))).path
    method = [*found["method"], "POST" if data else "GET"][0]
    return Call(method, path, {name.lower(): value for name, value in headers.items()}, data)


def lines() -> list[Any]:
    """Each `curl` of the pages in one line, with the page's name."""
    found = []
    for page in PAGES:
        text = page.read_text(encoding="utf-8").replace("\\\n", " ")
        for placeholder, example in EXAMPLES.items():
            text = text.replace(placeholder, example)
        blocks = re.findall(r"^curl .*(?:\n +.*)*", text, re.MULTILINE) + re.findall(r"`(curl [^`]+)`", text)
        found += [pytest.param(" ".join(line.split()), id=f"{page.name}-{n}") for n, line in enumerate(blocks)]
    return found


def test_the_pages_have_such_lines() -> None:
    assert len(lines()) > 10


@pytest.mark.parametrize("line", lines())
def test_what_a_page_says_to_type_is_taken(api: Gateway, line: str) -> None:
    mappings.deploy("deliver")
    wanted = call(line)
    reply = api.call(wanted.method, wanted.path, wanted.data, headers=wanted.headers)
    assert reply.status < 300 or reply.status == NOT_THERE, reply.text
