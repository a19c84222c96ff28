"""Where the service may send a browser: to hosts of an allow-list kept on the server, and nowhere else. Called when an
address is stored and again when it is used.

An address passes only if it is of one plain form; nothing is parsed that two parsers could read in two ways (`//host`,
`\\`, `user@`, control characters, hosts that only end like an allowed one).
"""

import re
from collections.abc import Collection
from urllib.parse import quote, urlsplit

from chalicelib.addresses import PLAIN_HOST, normal_url

MAX_URL_CHARS = 2048
_RESERVED = "%/:?#[]@!$&'()*+,;=~"

_PLAIN = re.compile(rf"https?://(?P<host>{PLAIN_HOST})(?:[/?#][!-\[\]-~]*)?")


def host_of(url: str) -> str | None:
    """The host (and port) of a plain http or https address; None for anything else."""
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


def allowed_redirect(url: str | None, hosts: Collection[str]) -> str | None:
    """The address as it may stand in a `Location` header, or None when it may not. A national host becomes `xn--`,
    other letters beyond ASCII become percent-encoded."""
    if url is None:
        return None
    encoded = quote(url if url.isascii() else normal_url(url), safe=_RESERVED)
    host = host_of(encoded)
    return encoded if host is not None and host in hosts else None
