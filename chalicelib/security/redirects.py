"""Where the service may redirect a browser: to hosts of an allow-list on the server, and nowhere else. Checked when a
URL is stored and again when it is used.

A URL passes only in one plain form; nothing is accepted that two parsers could read differently (`//host`, `\\`,
`user@`, control characters, hosts that merely end like an allowed one).
"""

import re
from collections.abc import Collection
from urllib.parse import quote, urlsplit

from chalicelib.addresses import PLAIN_HOST, normal_url

MAX_URL_CHARS = 2048
_RESERVED = "%/:?#[]@!$&'()*+,;=~"

_PLAIN = re.compile(rf"https?://(?P<host>{PLAIN_HOST})(?:[/?#][!-\[\]-~]*)?")


def host_of(url: str) -> str | None:
    """The host (and port) of a plain http or https URL; None for anything else."""
    scheme, separator, rest = url.partition("://")
    authority = re.split(r"[/?#]", rest, maxsplit=1)[0]
    match = _PLAIN.fullmatch(f"{scheme.lower()}{separator}{authority.lower()}{rest[len(authority) :]}")
    if match is None or len(url) > MAX_URL_CHARS:
        return None
    host = match["host"]
    default_port = ":443" if scheme.lower() == "https" else ":80"
    plain = host.removesuffix(default_port)
    # A second opinion: what browsers and Python's own parser call the host must be the same.
    return plain if urlsplit(url).netloc.lower() == host else None


def plain_redirect(url: str) -> tuple[str, str] | None:
    """The URL as it may appear in a `Location` header, and its host; None if it is no plain one. International hosts
    become `xn--`, other non-ASCII characters are percent-encoded."""
    encoded = quote(url if url.isascii() else normal_url(url), safe=_RESERVED)
    host = host_of(encoded)
    return None if host is None else (encoded, host)


def allowed_redirect(url: str | None, hosts: Collection[str]) -> str | None:
    """The same if its host is one of these, or None if it is not."""
    plain = None if url is None else plain_redirect(url)
    return plain[0] if plain is not None and plain[1] in hosts else None
