"""What may be called on somebody's word: globally routable unicast, however an address is written or wrapped."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.addresses import normal_url
from chalicelib.security.public_addresses import check_url, is_public

INNER_V4 = {
    "this network": "0.0.0.1",
    "private": "10.1.2.3",
    "private, 172": "172.16.0.1",
    "private, 192": "192.168.1.1",
    "carriers' NAT": "100.64.0.1",
    "loopback": "127.0.0.1",
    "link-local": "169.254.169.254",
    "protocols": "192.0.0.8",
    "books": "203.0.113.1",
    "relays of 6to4": "192.88.99.1",
    "benchmarks": "198.18.0.1",
    "benchmarks, the other half": "198.19.255.255",
    "multicast": "224.0.0.1",
    "multicast, named by IANA": "232.1.1.1",
    "reserved": "240.0.0.1",
    "broadcast": "255.255.255.255",
}
INNER_V6 = {
    "unspecified": "::",
    "loopback": "::1",
    "link-local": "fe80::1",
    "with a zone": "2606:4700::1%eth0",
    "site-local": "fec0::1",
    "unique local": "fc00::1",
    "AWS metadata": "fd00:ec2::254",
    "multicast": "ff02::1",
    "multicast of the whole net": "ff0e::1",
    "discard": "100::1",
    "NAT64 of one's own": "64:ff9b:1::808:808",
    "Teredo": "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "ORCHID": "2001:20::1",
    "benchmarks": "2001:2::1",
    "books": "2001:db8::1",
    "books, the new ones": "3fff::1",
    "6to4 of loopback": "2002:7f00:1::",
    "6to4 of a public address": "2002:808:808::1",
    "IPv4-compatible loopback": "::127.0.0.1",
    "IPv4-compatible, public": "::8.8.8.8",
    "IPv4-translated": "::ffff:0:127.0.0.1",
    "segment routing": "5f00::1",
    "not assigned": "4000::1",
}


@pytest.mark.parametrize("name", INNER_V4)
def test_an_inner_address_is_not_public_in_any_wrapping(name: str) -> None:
    """Promise I7: a tunnel makes no inner address public."""
    address = ipaddress.IPv4Address(INNER_V4[name])
    high, low = int(address) >> 16, int(address) & 0xFFFF
    tail = f"{high:x}:{low:x}"
    wrapped = (
        str(address),
        f"::ffff:{address}",
        f"::{address}",
        f"64:ff9b::{address}",
        f"64:ff9b:1::{address}",
        f"2002:{tail}::1",
        f"2001:0:{tail}::1",
        f"2606:4700::5efe:{tail}",
        f"2606:4700::200:5efe:{tail}",
    )
    assert [one for one in wrapped if is_public(one)] == []


@pytest.mark.parametrize("name", INNER_V6)
def test_an_inner_ipv6_address_is_not_public(name: str) -> None:
    assert not is_public(INNER_V6[name])


@pytest.mark.parametrize(
    "address",
    ["93.184.215.14", "8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8", "64:ff9b::808:808", "2a00:1450::5efe:808:808"],
)
def test_an_address_outside_is_public(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=6, network="::/3"))
def test_nothing_but_global_unicast_is_public_unless_it_stands_for_a_public_ipv4(
    address: ipaddress.IPv6Address,
) -> None:
    embedded = address.ipv4_mapped or (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    stands_for = address.ipv4_mapped is not None or address in ipaddress.ip_network("64:ff9b::/96")
    assert is_public(str(address)) == (stands_for and is_public(str(embedded)))


@given(st.text(max_size=30))
def test_what_is_no_address_is_not_public(text: str) -> None:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        assert not is_public(text)


REFUSED = {
    "plain http": "http://partner.example/",
    "no scheme": "partner.example",
    "another scheme": "ftp://partner.example/",
    "a user name": "https://me@partner.example/",
    "a user name and an address inside": "https://partner.example@127.0.0.1/",
    "a backslash": "https://partner.example\\@127.0.0.1/",
    "metadata": "https://169.254.169.254/latest/meta-data",
    "decimal": "https://2130706433/",
    "octal": "https://0177.0.0.1/",
    "octal of a public one": "https://010.8.8.8/",
    "hexadecimal": "https://0x7f000001/",
    "hexadecimal parts": "https://0x7f.0.0.1/",
    "hexadecimal, upper case": "https://0X7F.0.0.1/",
    "an empty hexadecimal": "https://127.0.0.0x/",
    "short": "https://127.1/",
    "too long": "https://1.2.3.4.5/",
    "a stop at the end": "https://127.0.0.1./",
    "a name with a stop at the end": "https://localhost./",
    "full-width digits": "https://１２７.0.0.1/",
    "circled digits": "https://①②⑦.0.0.1/",
    "Chinese stops": "https://127。0。0。1/",
    "half-width stops": "https://127｡0｡0｡1/",
    "percent-encoded": "https://127%2e0.0.1/",
    "loopback, v6": "https://[::1]/",
    "a mapped address": "https://[::ffff:169.254.169.254]/",
    "metadata, v6": "https://[fd00:ec2::254]/",
    "a zone": "https://[fe80::1%25eth0]/",
    "v6 without brackets": "https://::1/",
    "brackets around a name": "https://[localhost]/",
    "localhost": "https://localhost/",
    "localhost, upper case": "https://LOCALHOST/",
    "under localhost": "https://app.localhost/",
    "one label": "https://redis/",
    "an inner name": "https://metadata.google.internal/",
    "an inner name of AWS": "https://ip-10-0-0-1.eu-central-1.compute.internal/",
    "multicast DNS": "https://printer.local/",
    "no host": "https:///path",
    "an empty label": "https://a..example/",
    "port 0": "https://partner.example:0/",
    "a port too large": "https://partner.example:65536/",
    "a port that is no number": "https://partner.example:ssh/",
    "no port after the colon": "https://partner.example:/",
    "white space": "https://partner.example/a b",
    "a line end": "https://partner.example/\r\nHost: inner",
    "an underscore": "https://in_ner.example/",
}


@pytest.mark.parametrize("case", REFUSED)
def test_an_address_that_cannot_be_outside_is_refused_before_anybody_calls_it(case: str) -> None:
    """Promise I7: what can be known without a name server is refused at once."""
    with pytest.raises(ValueError, match=r"^expected "):
        check_url(normal_url(REFUSED[case]))


@pytest.mark.parametrize(
    "url",
    [
        "https://partner.example/hooks?a=1#b",
        "HTTPS://Partner.Example/",
        "https://partner.example",
        "https://partner.example?x=@y",
        "https://partner.example:8443/hooks",
        "https://кино.рф/крючок",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:8443/",
        "https://xn--80aqf2ac.xn--p1ai/",
        "https://localhost.example/",
        "https://127.0.0.1.example/",
    ],
)
def test_an_address_outside_is_taken(url: str) -> None:
    check_url(normal_url(url))
