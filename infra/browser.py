"""Finds the Chromium in which the pages are tested, and fetches one where there is none: the distribution's package
where this user may install it, else Playwright's own build. Run by `make test`; the tests ask `chromium()`.

    python -m infra.browser     # 0: there is one; 1: none can be had, and how to get it by hand
"""

import os
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from playwright.sync_api import sync_playwright

from infra.debian import apt_commands, succeeds

REMEDY = "apt install chromium, or .venv/bin/python -m playwright install chromium, or CHROMIUM=/path/to/it"
_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def chromium() -> Path | None:
    """The first that starts: what CHROMIUM names, if set; otherwise the system's, then Playwright's own; None if there
    is none."""
    named = os.environ.get("CHROMIUM")
    places = [named] if named else [path for name in _NAMES if (path := shutil.which(name))]
    found = next((place for place in places if succeeds((place, "--version"))), None)
    if found is None and not named:
        with sync_playwright() as playwright:
            own = playwright.chromium.executable_path
        found = own if succeeds((own, "--version")) else None
    return Path(found) if found else None


def fetch() -> Path | None:
    """Tries each way to get one, reporting it; None if none works."""
    for commands in _ways():
        print(f"browser tests: no Chromium; trying `{' '.join(commands[-1])}`", flush=True)
        if all(succeeds(command) for command in commands) and (found := chromium()):
            return found
    return None


def _ways() -> list[Sequence[Sequence[str]]]:
    if os.environ.get("CHROMIUM"):  # whoever names one wants no other
        return []
    ways: list[Sequence[Sequence[str]]] = []
    if commands := apt_commands("chromium"):
        ways.append(commands)
    ways.append(((sys.executable, "-m", "playwright", "install", "chromium"),))
    return ways


def main() -> int:
    if chromium() or fetch():
        return 0
    print(f"browser tests: there is no Chromium and none could be fetched, so they are skipped. Get one by: {REMEDY}")
    return 1


if __name__ == "__main__":
    sys.exit(main())
