"""Nothing but an address on an allowed host may ever become a `Location`."""

from urllib.parse import urlsplit

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chalicelib.addresses import normal_host, normal_url
from chalicelib.security.redirects import MAX_URL_CHARS, allowed_redirect, host_of

HOSTS = frozenset({"cinema.example", "tv.cinema.example", "localhost:8080"})

# Open-redirect tricks: what scanners try against a check of the host.
TRICKS = [
    "",
    "/",
    "/welcome",
    "//evil.example",
    "///evil.example",
    "////evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "\\/\\/evil.example",
    "/%2f/evil.example",
    "/%5cevil.example",
    "http:evil.example",
    "https:evil.example",
    "https:/evil.example",
    "https:///evil.example",
    "https:////evil.example",
    "https:\\\\evil.example",
    "https:/\\evil.example",
    "https://evil.example",
    "https://evil.example/cinema.example",
    "https://evil.example?cinema.example",
    "https://evil.example#cinema.example",
    "https://evil.example/https://cinema.example",
    "https://cinema.example@evil.example",
    "https://cinema.example:443@evil.example",
    "https://user:password@cinema.example",
    "https://cinema.example%40evil.example",
    "https://cinema.example%2eevil.example",
    "https://cinema.example%00.evil.example",
    "https://cinema.example%0d%0aLocation:%20https://evil.example",
    "https://cinema.example.evil.example",
    "https://evilcinema.example",
    "https://cinema.example-evil.example",
    "https://xcinema.example",
    "https://sub.cinema.example",
    "https://cinema.example.",
    "https://.cinema.example",
    "https://cinema.example:8443",
    "https://cinema.example:",
    "https://cinema.example:80",
    "http://cinema.example:443",
    "https://cinema.example:0443/",
    "https://cinema.example\\@evil.example",
    "https://cinema.example\\.evil.example",
    "https://evil.example\\@cinema.example",
    "https://evil.example\\cinema.example",
    "https://evil.example;cinema.example",
    "https://evil.example,cinema.example",
    "https://evil.example\tcinema.example",
    "https://ev\til.example",
    "https://cinema.example\n.evil.example",
    "https://cinema.example\r\nLocation: https://evil.example",
    "\thttps://cinema.example",
    " https://cinema.example",
    "https ://cinema.example",
    "https://cinema.example .evil.example",
    "https://[cinema.example]",
    "https://[::1]",
    "https://127.0.0.1",
    "https://2130706433",
    "https://сinema.example",  # the first letter is Cyrillic
    "https://cinema。example",
    "https://cinema.example／evil.example",
    "https://ⓔvil.example",
    "javascript:alert(1)",
    "javascript://cinema.example/%0aalert(1)",
    "JaVaScRiPt:alert(1)",
    "java\tscript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:msgbox(1)",
    "file:///etc/passwd",
    "ftp://cinema.example",
    "ws://cinema.example",
    "blob:https://cinema.example/1",
    "view-source:https://cinema.example",
    "https+x://cinema.example",
    "httpsx://cinema.example",
    "x-https://cinema.example",
    "cinema.example",
    "//cinema.example",
    "https:cinema.example",
]


@pytest.mark.parametrize("url", TRICKS)
def test_no_trick_becomes_a_redirect(url: str) -> None:
    assert allowed_redirect(url, HOSTS) is None


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("https://cinema.example", "https://cinema.example"),
        ("https://cinema.example/", "https://cinema.example/"),
        ("HTTPS://Cinema.Example/Watch", "HTTPS://Cinema.Example/Watch"),
        ("https://cinema.example:443/watch", "https://cinema.example:443/watch"),
        ("http://cinema.example:80/watch", "http://cinema.example:80/watch"),
        ("https://tv.cinema.example/a?b=c&d=%2F#e", "https://tv.cinema.example/a?b=c&d=%2F#e"),
        ("http://localhost:8080/x", "http://localhost:8080/x"),
        ("https://cinema.example/фильм", "https://cinema.example/%D1%84%D0%B8%D0%BB%D1%8C%D0%BC"),
        ("https://cinema.example/a b", "https://cinema.example/a%20b"),
        ("https://cinema.example/?next=https://other.example", "https://cinema.example/?next=https://other.example"),
        ("https://cinema.example/@anna", "https://cinema.example/@anna"),
        ("https://cinema.example/a\\b", "https://cinema.example/a%5Cb"),
        ("https://cinema.example/a\r\nb", "https://cinema.example/a%0D%0Ab"),
    ],
)
def test_an_address_on_the_list_stays_what_it_is(url: str, target: str) -> None:
    assert allowed_redirect(url, HOSTS) == target


def test_no_address_is_no_redirect() -> None:
    assert allowed_redirect(None, HOSTS) is None


def test_a_very_long_address_is_refused() -> None:
    assert allowed_redirect("https://cinema.example/" + "a" * MAX_URL_CHARS, HOSTS) is None


@given(st.text(max_size=60) | st.text("htps:/\\@.?#%\t\r\n cinema.example", max_size=60))
@example("https://cinema.example")
def test_whatever_is_let_through_leads_to_an_allowed_host(url: str) -> None:
    target = allowed_redirect(url, HOSTS)

    if target is not None:
        assert target.isascii()
        assert target.isprintable()
        parts = urlsplit(target)
        assert parts.scheme in ("http", "https")
        assert parts.username is None
        assert (parts.hostname or "") in {host.partition(":")[0] for host in HOSTS}


@given(st.sampled_from(sorted(HOSTS)), st.text(min_size=1, max_size=20))
def test_nothing_put_before_a_host_keeps_it_allowed(host: str, prefix: str) -> None:
    target = allowed_redirect(f"https://{prefix}{host}", HOSTS)

    assert target is None or urlsplit(target).netloc.lower().removesuffix(":443") in HOSTS


def test_the_host_of_an_address_is_said_without_the_schemes_own_port() -> None:
    assert host_of("https://Cinema.example:443/a") == "cinema.example"
    assert host_of("http://localhost:8080/a") == "localhost:8080"
    assert host_of("mailto:anna@cinema.example") is None


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("кино.рф", "xn--h1adke.xn--p1ai"),
        ("КИНО.РФ", "xn--h1adke.xn--p1ai"),
        ("XN--H1ADKE.xn--p1ai", "xn--h1adke.xn--p1ai"),
        ("Cinema.Example", "cinema.example"),
        (" cinema.example. ", "cinema.example"),
        ("Localhost:8080", "localhost:8080"),
        ("кино.рф:8443", "xn--h1adke.xn--p1ai:8443"),
    ],
)
def test_a_host_is_stored_in_one_form(written: str, stored: str) -> None:
    """Promise E4: a national name in both spellings, any letter case, with a port or the root's full stop."""
    assert normal_host(written) == normal_host(stored) == stored


@pytest.mark.parametrize(
    "wrong",
    [
        *["", ".", "cinema.example..", "https://cinema.example", "a@b.example", "a b.example", "a/b", "a\\b", "*.рф"],
        *["cinema。example", "cinema.example／x", "ⓔvil.example", "кино.рф:порт", "a%2eb", "ки_но.рф"],
    ],
)
def test_what_is_no_plain_host_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="expected a host"):
        normal_host(wrong)


@pytest.mark.parametrize("url", ["https://кино.рф/фильм?a=1#b", "HTTPS://КИНО.рф:443/фильм?a=1#b"])
def test_a_national_host_is_allowed_in_both_spellings(url: str) -> None:
    hosts = frozenset({normal_host("кино.рф")})

    target = allowed_redirect(url, hosts)

    assert target is not None
    assert target.lower().startswith("https://xn--h1adke.xn--p1ai")
    assert target.endswith("/%D1%84%D0%B8%D0%BB%D1%8C%D0%BC?a=1#b")
    assert allowed_redirect(target, hosts) == target
    for trick in (
        "https://кино.рф@evil.example",
        "https://кино.рф.evil.example",
        "https://evil.кино.рф",
        "https://кин0.рф",
    ):
        assert allowed_redirect(trick, hosts) is None


@given(st.text(alphabet="кинорф.-:@/\\。／cinema%_2", max_size=20) | st.text(max_size=20))
def test_an_address_in_its_normal_form_leads_where_it_led_before(authority: str) -> None:
    url = f"https://{authority}/a"
    normal = normal_url(url)

    assert normal_url(normal) == normal
    if (host := host_of(url)) is not None:
        assert host_of(normal) == host


@pytest.mark.parametrize("url", ["https://Кино.РФ/welcome", "HTTPS://XN--h1adke.xn--p1ai/welcome"])
def test_a_redirect_may_be_written_in_either_spelling(url: str) -> None:
    assert normal_url(url) == "https://xn--h1adke.xn--p1ai/welcome"


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("cinema.example:443", "cinema.example"),
        ("Cinema.Example.:80", "cinema.example"),
        ("localhost:8080", "localhost:8080"),
        ("cinema.example:4430", "cinema.example:4430"),
        ("\ufeff кино.рф.\r\n", "xn--h1adke.xn--p1ai"),
    ],
)
def test_a_host_with_its_schemes_own_port_is_the_host(written: str, host: str) -> None:
    """Promise E4: a host has one form; the port that goes without saying is left out, as `host_of` leaves it out."""
    assert normal_host(written) == host
