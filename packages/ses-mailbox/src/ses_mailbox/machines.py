"""What opens letters without being a person: a privacy proxy, an image proxy, a mail gateway's scanner. Each has an
address of its own at `machines.example`, labels allowed."""

import re
import threading
from collections.abc import Sequence
from html import unescape
from urllib.parse import urlsplit

import requests

from ses_mailbox.events import Event
from ses_mailbox.letters import Letter
from ses_mailbox.tracking import untracked

_DOMAIN = "machines.example"
# Mail Privacy Protection says nothing but this; Gmail's proxy names itself; scanners pretend to be a browser.
_APPLE = "Mozilla/5.0"
_GMAIL = "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)"
_BROWSER = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0 Safari/537.36"
_GATEWAY = "Mozilla/5.0 (compatible; Barracuda Sentinel)"
_OPENERS = {"apple-privacy": _APPLE, "gmail-proxy": _GMAIL}
SCAN_SECONDS = 2.0  # a letter is delivered so long after a gateway began to scan it
_LINK = re.compile(r'href="(https?://[^"]+)"')
_OWN_HOSTS = frozenset({"127.0.0.1", "localhost"})  # a scanner of this machine leaves it for nothing


def part_of(recipient: str, domain: str) -> str:
    """`bounce` of `bounce+label@domain`; empty for an address of another domain."""
    local_part, _, its = recipient.lower().rpartition("@")
    return local_part.partition("+")[0] if its == domain else ""


def before_delivery(letter: Letter) -> Sequence[Event]:
    """What a gateway's scanner does with a letter while it is on its way."""
    scanned = _to(letter, "scanner")
    if not scanned:
        return ()
    links = links_in(letter)
    clicks = [Event(type="Click", recipients=scanned, user_agent=_BROWSER, link=link) for link in links[:1]]
    return [Event(type="Open", recipients=scanned, user_agent=_BROWSER), *clicks]


def after_delivery(letter: Letter) -> Sequence[Event]:
    """What proxies load at once."""
    later = SCAN_SECONDS + 1
    found = [(agent, _to(letter, name)) for name, agent in _OPENERS.items()]
    return [Event(type="Open", recipients=to, user_agent=agent, seconds_later=later) for agent, to in found if to]


def scan(letters: Sequence[Letter]) -> None:
    """Has the scanner ask for every link of this machine, by HEAD and by GET, in a thread of its own."""
    links = [link for letter in letters if _to(letter, "scanner") for link in links_in(letter)]
    own = [link for link in dict.fromkeys(links) if urlsplit(link).hostname in _OWN_HOSTS]
    if own:
        threading.Thread(target=_visit, args=(own,), name="mailbox-scanner", daemon=True).start()


def links_in(letter: Letter) -> list[str]:
    """The addresses that a letter links to, tracked or not."""
    return [untracked(unescape(link)) for link in _LINK.findall(letter.html or "")]


def _visit(links: Sequence[str]) -> None:
    for link in links:
        for method in ("HEAD", "GET"):
            try:
                requests.request(method, link, headers={"User-Agent": _GATEWAY}, timeout=5, allow_redirects=False)
            except requests.RequestException:
                continue  # as a real scanner, it does not mind


def _to(letter: Letter, name: str) -> tuple[str, ...]:
    return tuple(one for one in letter.recipients if part_of(one, _DOMAIN) == name)
