"""One check of an address, and one word on when two are the same."""

import subprocess
import sys
from collections.abc import Callable

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from chalicelib.addresses import _PLAIN, _checked, normal_email, normal_phone, same_address_key

ADDRESSES = st.builds("{}@{}".format, st.text(max_size=8), st.text(max_size=12)) | st.emails() | st.text()
SAME = [
    ("email", "Ivan@почта.рф", "ivan@XN--80A1ACNY.xn--p1ai"),
    ("email", "ivan@ПОЧТА.РФ", "ivan@почта.рф"),
    ("email", "anna@mu\u0308nchen.de", "anna@m\u00fcnchen.de"),
    ("email", "ａｎｎａ@example.com", "anna@example.com"),
    ("email", "anna@example。com", "anna@example.com"),
    ("email", "\ufeff ANNA@Example.Com\u200b\r\n", "anna@example.com"),
    ("email", "\u200eanna@exam\xadple.com\u200f", "anna@example.com"),
    ("email", "\u2068anna\u2069@example.com", "anna@example.com"),
    ("email", "\u0399\u03a3@example.com", "\u03b9\u03c2@example.com"),
    ("sms", "+7 (926) 123-45-67", "+79261234567"),
    ("sms", "tel:+7-926-123-45-67", "+７９２６１２３４５６７"),
]
DIFFERENT = [
    ("email", "anna@example.com", "ann@example.com"),
    ("email", "anna@straße.de", "anna@strasse.de"),
    ("email", "anna@example.com", "аnna@example.com"),
    ("sms", "+79261234567", "+79261234568"),
    ("push", "Token", "token"),
    ("email", "anna@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.com", "anna@\u0646\u0627\u0645\u0647\u0627\u06cc.com"),
]


@given(st.sampled_from(["email", "sms", "push"]), ADDRESSES)
@example("email", "@")
@example("email", "a@\u2488com")
def test_a_key_is_its_own_key_and_any_text_has_one(channel: str, address: str) -> None:
    key = same_address_key(channel, address)
    assert same_address_key(channel, key) == key


@given(ADDRESSES)
def test_an_address_in_its_stored_form_is_the_one_that_was_given(address: str) -> None:
    try:
        stored = normal_email(address)
    except ValueError:
        assume(False)
    assert stored.isascii()
    assert normal_email(stored) == stored
    keys = {same_address_key("email", one) for one in (address, stored, stored.upper(), f" {stored}\n")}
    assert len(keys) == 1


@given(st.from_regex(_PLAIN, fullmatch=True) | st.emails(domains=st.sampled_from(["a.local", "x.test", "ab--c.ru"])))
@example("a" * 65 + "@x.ru")
@example("a@" + "b." * 130 + "ru")
def test_the_short_way_says_what_the_validator_says(address: str) -> None:
    def told(check: Callable[[str], str]) -> str:
        try:
            return check(address)
        except ValueError:
            return "refused"

    assert told(normal_email) == told(_checked)


@pytest.mark.parametrize(("channel", "one", "other"), SAME)
def test_the_same_address_in_two_spellings_has_one_key(channel: str, one: str, other: str) -> None:
    assert same_address_key(channel, one) == same_address_key(channel, other)


@pytest.mark.parametrize(("channel", "one", "other"), DIFFERENT)
def test_two_addresses_have_two_keys(channel: str, one: str, other: str) -> None:
    assert same_address_key(channel, one) != same_address_key(channel, other)


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        ("ivan@почта.рф", "ivan@xn--80a1acny.xn--p1ai"),
        (" Anna@Example.COM\r\n", "anna@example.com"),
        ("ａnna@example.com", "anna@example.com"),
        ("\u2068\u200eanna\u200b@example.com\u2069", "anna@example.com"),
    ],
)
def test_an_address_is_stored_in_the_form_that_is_sent_to(text: str, stored: str) -> None:
    assert normal_email(text) == stored


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("jürgen@example.com", "before the @-sign"),
        ("аnna@example.com", "before the @-sign"),
        ("anna@exаmple.com", "one alphabet"),
        ("anna@xn--exmple-4nf.com", "one alphabet"),
        ("a@x..y", "two periods"),
        ("a@x", "should have a period"),
        ("Anna <anna@example.com>", "display name"),
        ("", "email address such as"),
    ],
)
def test_an_address_that_cannot_be_written_to_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        normal_email(text)


@pytest.mark.parametrize(
    "written",
    [
        "+7 926 123-45-67",
        "\u200e+7 926 123-45-67\u200e",
        "\u2068+7/926/123-45-67\u2069",
        "007 (926) 123 45 67",
        " +7\xa0926\u2009123\u201145\u201167\r\n",
        "tel:+7-926-123-45-67",
        "+７９２６１２３４５６７",
    ],
)
def test_a_phone_is_stored_as_e164(written: str) -> None:
    """Promise E3: a number has one form however its digits are grouped."""
    assert normal_phone(written) == same_address_key("sms", written) == "+79261234567"


@pytest.mark.parametrize(
    "wrong", ["+70000000000", "926", "89261234567", "call me", "+7926 CALLNOW", "+79261234567 ext. 5"]
)
def test_what_is_no_phone_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="numbering plan"):
        normal_phone(wrong)


def test_a_worker_that_compares_addresses_imports_no_validator() -> None:
    code = (
        "import sys; from chalicelib.addresses import same_address_key as k; k('email', 'Anna@X.ru');"
        "sys.exit(bool({'email_validator', 'phonenumbers', 'idna'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", code], timeout=60).returncode == 0
