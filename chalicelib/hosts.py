"""The one form of a host, and of an address of the web: national names in either spelling, letter case, the root's full
stop. Whether a browser may be sent there, `control/redirects.py` says."""

import re
from typing import Annotated
from unicodedata import category

from pydantic import AfterValidator, Field

from chalicelib.text import Line, one_line

PLAIN_HOST = r"[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?(?::[0-9]{1,5})?"
_PARTS = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]*)(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
_DEFAULT_PORT = re.compile(r":(?:443|80)$")
_LETTERS = ("L", "M", "Nd")  # categories of Unicode: no sign that only looks like a full stop or a slash


def normal_host(text: str) -> str:
    """The form in which hosts are stored and compared: lower case, a national name as `xn--`, without the root's full
    stop, with a port unless that is a scheme's own. Raises: ValueError (permanent; says what is expected)."""
    name, colon, port = one_line(text).partition(":")
    host = _ascii_host(name.removesuffix(".") + colon + port)
    if host is None:
        raise ValueError("expected a host such as cinema.example or localhost:8080, without https:// and a path")
    return _DEFAULT_PORT.sub("", host)


def normal_url(text: str) -> str:
    """An address with its scheme and host in their normal form; what is no address with a plain host stays as it is."""
    parts = _PARTS.fullmatch(text)
    host = _ascii_host(parts["authority"]) if parts else None
    return f"{parts['scheme'].lower()}://{host}{parts['rest']}" if parts and host else text


Host = Annotated[Line, Field(max_length=253, examples=["cinema.example"]), AfterValidator(normal_host)]
Address = Annotated[Line, AfterValidator(normal_url)]


def _ascii_host(text: str) -> str | None:
    """None for what is no plain host."""
    name, colon, port = text.partition(":")
    name = name.lower()
    if not name.isascii():
        import idna  # 15 ms, for the few that need it

        if not all(one.isascii() or category(one).startswith(_LETTERS) for one in name):
            return None
        try:
            name = idna.encode(name, uts46=True).decode()
        except (idna.IDNAError, UnicodeError):
            return None
    host = name + colon + port
    return host if re.fullmatch(PLAIN_HOST, host) else None
