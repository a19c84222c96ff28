"""Which addresses may be called on a user's word (server-side request forgery, OWASP): globally routable unicast by
IANA's registries, and if an address carries an IPv4 address, that one too. `outbound_http.py` checks every connection;
whoever stores a URL checks at once what can be known without DNS (ADR 0074)."""

import ipaddress
import re
from ipaddress import IPv4Address, IPv6Address, IPv6Network

from chalicelib.addresses import PLAIN_NAME
from chalicelib.errors import Phrase

# "IPv6 Global Unicast Address Assignments" is 2000::/3; what of it is for protocols, tunnels and books is in "IANA IPv6
# Special-Purpose Address Registry": Teredo and ORCHID (2001::/23), 2001:db8::/32, 6to4 (2002::/16), 3fff::/20.
_UNICAST = IPv6Network("2000::/3")
_SPECIAL = tuple(IPv6Network(one) for one in ("2001::/23", "2001:db8::/32", "2002::/16", "3ffe::/16", "3fff::/20"))
_NAT64 = IPv6Network("64:ff9b::/96")  # the well-known prefix (RFC 6052); 64:ff9b:1::/48 is for private networks
_ISATAP = (0x00005EFE, 0x02005EFE)  # RFC 5214: before an IPv4 address, in the lower half of an IPv6 one
# Missing from Python's own lists of special addresses: protocols, and the relays of 6to4 (RFC 7526).
_SPECIAL_V4 = tuple(ipaddress.IPv4Network(one) for one in ("192.0.0.0/24", "192.88.99.0/24"))

_URL = re.compile(r"https://(?P<authority>[^/?#]*)(?:[/?#]\S*)?")
_AUTHORITY = re.compile(rf"(?:\[(?P<v6>[0-9a-f:.]+)\]|(?P<name>(?!.*\.\.){PLAIN_NAME}))(?::(?P<port>[0-9]{{1,5}}))?")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")  # what ends a host that programs read as IPv4 (WHATWG, "ends in a number")
_INNER = ("localhost", "localdomain", "local", "internal", "intranet", "lan", "home.arpa", "onion", "alt", "invalid")


def is_public(address: str) -> bool:
    """Whether an IP address may be called on a user's word; addresses with a zone may not."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return False
    return _public_v4(ip) if isinstance(ip, IPv4Address) else _public_v6(ip)


def check_url(url: str) -> None:
    """Refuses what cannot be the URL of a public server, or not a safe one: no https, a user name, an IP address that
    is not public or oddly spelled, a name of internal networks. Names are not resolved: they may resolve differently
    when called. Raises: ValueError (permanent; says what is expected)."""
    found = _URL.fullmatch(url)
    if found is None:
        raise ValueError(Phrase("expected an https address"))
    host = _AUTHORITY.fullmatch(found["authority"])
    if host is None or not 0 < int(host["port"] or 443) < 65536:
        raise ValueError(
            Phrase("expected a plain host after https://, without a user name; a port, if any, from 1 to 65535")
        )
    _check_host(host["name"] or "", v6=host["v6"])


def _check_host(name: str, *, v6: str | None) -> None:
    labels = name.split(".")
    if v6 is not None or _NUMBER.fullmatch(labels[-1]):
        if not is_public(v6 or name):
            raise ValueError(Phrase("expected a name, or a public IP address as four decimal numbers or in brackets"))
    elif len(labels) < 2 or any(f".{name}".endswith(f".{inner}") for inner in _INNER):
        raise ValueError(Phrase("expected a name that is known outside, such as partner.example"))


def _public_v4(ip: IPv4Address) -> bool:
    special = ip.is_multicast or ip.is_reserved or any(ip in network for network in _SPECIAL_V4)
    return ip.is_global and not special


def _public_v6(ip: IPv6Address) -> bool:
    if ip.scope_id is not None:
        return False
    lower = int(ip) & 0xFFFFFFFFFFFFFFFF
    embedded = IPv4Address(lower & 0xFFFFFFFF)
    if ip.ipv4_mapped is not None or ip in _NAT64:
        return _public_v4(embedded)
    if ip not in _UNICAST or any(ip in network for network in _SPECIAL):
        return False
    return lower >> 32 not in _ISATAP or _public_v4(embedded)
