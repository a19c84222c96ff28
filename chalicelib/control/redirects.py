"""Where the service may send a browser: to hosts of an allow-list kept on the server, and nowhere else. Called when an
address is stored and again when it is used.

An address passes only if it is of one plain form; nothing is parsed that two parsers could read in two ways (`//host`,
`\\`, `user@`, control characters, hosts that only end like an allowed one).
"""

import re
from collections.abc import Collection
from typing import Annotated
from unicodedata import category
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, Field

MAX_URL_CHARS = 2048
_RESERVED = "%/:?#[]@!$&'()*+,;=~"

_HOST = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?"
_PLAIN = re.compile(rf"https?://(?P<host>{_HOST})(?:[/?#][!-\[\]-~]*)?")
_PARTS = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_LETTERS = ("L", "M", "Nd")  # categories of Unicode: no sign that only looks like a full stop or a slash


def normal_host(text: str) -> str:
    """A host, with its port if it has one, in the one form in which hosts are stored and compared: lower case, a
    national name as `xn--`, without the root's full stop. Raises: ValueError (permanent; says what is expected)."""
    name, colon, port = text.strip().partition(":")
    host = _ascii_host(name.removesuffix(".") + colon + port)
    if host is None:
        raise ValueError("expected a host such as cinema.example or localhost:8080, without https:// and a path")
    return host


def normal_url(text: str) -> str:
    """An address with its scheme and host in their normal form; what is no address with a plain host stays as it is."""
    parts = _PARTS.fullmatch(text)
    host = _ascii_host(parts["authority"]) if parts else None
    return f"{parts['scheme'].lower()}://{host}{parts['rest']}" if parts and host else text


# A host, with its port unless that is the scheme's own: `cinema.example`, `localhost:8080`.
Host = Annotated[str, Field(max_length=253, examples=["cinema.example"]), AfterValidator(normal_host)]
Address = Annotated[str, AfterValidator(normal_url)]


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


def _ascii_host(text: str) -> str | None:
    """None for what is no plain host."""
    host = text.lower()
    if not text.isascii():
        import idna  # 15 ms, for the few that need it

        if not all(one.isascii() or category(one).startswith(_LETTERS) for one in text):
            return None
        name, colon, port = text.partition(":")
        try:
            host = idna.encode(name, uts46=True).decode() + colon + port
        except (idna.IDNAError, UnicodeError):
            return None
    return host if re.fullmatch(_HOST, host) else None
