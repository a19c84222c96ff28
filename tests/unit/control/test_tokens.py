"""Tokens and codes cannot be made, changed, or used for anything else, without the stage's key."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import NotFoundError, UnavailableError
from chalicelib.security.signing import (
    LIFE,
    ExpiredLinkError,
    LetterClaims,
    Purpose,
    Signer,
    Tokens,
    decode,
    encode,
    new_key,
)

KEY = new_key()
CLAIMS = LetterClaims("u-1", None, "email", "marketing", "6f2c3b52-7b0e-5d0f-9a36-0d6a1f2b7c11")


NOW = datetime(2027, 1, 1, tzinfo=UTC)


def tokens(parameter: str = KEY, *, days: float = 0) -> Tokens:
    return Tokens(Signer(lambda: parameter), clock=lambda: NOW + timedelta(days=days))


TOKEN = tokens().make(CLAIMS, Purpose.UNSUBSCRIBE)[0]


def refused(token: str, *, purpose: Purpose = Purpose.UNSUBSCRIBE, key: str = KEY) -> bool:
    try:
        tokens(key).read(purpose, token)
    except NotFoundError:
        return True
    return False


@given(
    st.none() | st.text(max_size=40).filter(lambda text: text.isprintable()),
    st.none() | st.emails(),
    st.text(max_size=30).filter(lambda text: text.isprintable()),
)
def test_a_token_gives_back_what_it_was_made_of(user_id: str | None, address: str | None, category: str) -> None:
    claims = LetterClaims(user_id, address, "email", category, "n-1")

    assert tokens().read(Purpose.PREFERENCES, tokens().make(claims, Purpose.PREFERENCES)[0]) == claims


def test_a_token_is_safe_in_an_address() -> None:
    assert set(TOKEN) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.")


@given(st.integers(0, len(TOKEN) - 1), st.characters())
def test_a_token_with_one_character_changed_is_refused(place: int, character: str) -> None:
    changed = TOKEN[:place] + character + TOKEN[place + 1 :]

    assert changed == TOKEN or refused(changed)


@given(st.text(max_size=200))
def test_no_text_is_a_token_by_chance(text: str) -> None:
    assert refused(text)


@given(st.binary(max_size=60), st.binary(max_size=40))
def test_no_bytes_in_the_form_of_a_token_are_one(claims: bytes, mac: bytes) -> None:
    assert refused(f"{encode(claims)}.{encode(mac)}")


@given(st.integers(0, len(TOKEN)))
def test_a_token_that_was_cut_short_is_refused(length: int) -> None:
    assert length == len(TOKEN) or refused(TOKEN[:length])


@given(st.text(min_size=1, max_size=20))
def test_a_token_with_something_added_is_refused(more: str) -> None:
    assert refused(TOKEN + more)
    assert refused(more + TOKEN)


def test_the_claims_of_one_token_do_not_go_with_the_signature_of_another() -> None:
    other = tokens().make(LetterClaims("u-2", None, "email", "marketing", "n-2"), Purpose.UNSUBSCRIBE)[0]

    assert refused(f"{TOKEN.partition('.')[0]}.{other.partition('.')[2]}")


def test_a_token_for_one_purpose_opens_nothing_else() -> None:
    assert refused(TOKEN, purpose=Purpose.PREFERENCES)


def test_a_token_of_another_stage_is_refused() -> None:
    assert refused(TOKEN, key=new_key())


@pytest.mark.parametrize("purpose", Purpose)
def test_a_token_is_over_when_its_letter_is_old(purpose: Purpose) -> None:
    token = tokens().make(CLAIMS, purpose)[0]
    life = LIFE[purpose].days

    assert tokens().make(CLAIMS, purpose) == tokens(days=0.9).make(CLAIMS, purpose)
    assert tokens(days=life + 0.9).read(purpose, token) == CLAIMS  # of a letter of that evening
    with pytest.raises(ExpiredLinkError) as told:
        tokens(days=life + 1).read(purpose, token)
    assert (told.value.claims, told.value.purpose) == (CLAIMS, purpose)


def test_unsubscribing_works_for_longer_than_the_law_asks_for() -> None:
    assert timedelta(days=30) < LIFE[Purpose.PREFERENCES] < LIFE[Purpose.UNSUBSCRIBE]


def test_a_token_of_a_letter_from_before_tokens_had_a_day_counts_from_the_day_of_the_rule() -> None:
    signer = Signer(lambda: KEY)
    content = encode(json.dumps(list(CLAIMS)).encode())
    token = f"{content}.{signer.code(Purpose.UNSUBSCRIBE, content)}"

    assert tokens(days=300).read(Purpose.UNSUBSCRIBE, token) == CLAIMS
    with pytest.raises(ExpiredLinkError):
        tokens(days=340).read(Purpose.UNSUBSCRIBE, token)


def test_a_forged_token_is_not_called_old() -> None:
    old = tokens(days=-1000).make(CLAIMS, Purpose.UNSUBSCRIBE)[0]

    with pytest.raises(ExpiredLinkError):
        tokens().read(Purpose.UNSUBSCRIBE, old)
    with pytest.raises(NotFoundError) as told:
        tokens().read(Purpose.PREFERENCES, old)
    assert not isinstance(told.value, ExpiredLinkError)


def test_the_same_letter_has_the_same_links_all_day() -> None:
    assert tokens(days=0.9).make(CLAIMS, *Purpose) == tokens().make(CLAIMS, *Purpose)
    assert len(TOKEN) < 180


def test_a_token_outlives_a_rotation_of_the_key() -> None:
    rotated = f"{new_key()},{KEY}"

    assert not refused(TOKEN, key=rotated)
    assert tokens(rotated).make(CLAIMS, Purpose.UNSUBSCRIBE)[0] != TOKEN


def test_a_token_ends_when_its_key_is_dropped() -> None:
    assert refused(TOKEN, key=f"{new_key()},{new_key()}")


@pytest.mark.parametrize(
    "parameter",
    ["", "short", f"{KEY},", f"{KEY},short", "not base64!", "x" * 43 + "="],
    ids=["empty", "short", "an empty second", "a short second", "no base64", "padded"],
)
def test_a_key_that_is_not_in_order_signs_nothing(parameter: str) -> None:
    with pytest.raises(UnavailableError):
        tokens(parameter).make(CLAIMS, Purpose.UNSUBSCRIBE)[0]


def test_the_key_is_read_once() -> None:
    reads = []

    def read() -> str:
        reads.append(1)
        return KEY

    signer = Signer(read)
    for n in range(5):
        signer.code("short", str(n))

    assert len(reads) == 1


def test_a_code_has_160_bits_and_follows_from_its_parts() -> None:
    signer = Signer(lambda: KEY)

    assert len(decode(signer.code("short", "a", "b"))) == 20
    assert signer.code("short", "a", "b") == signer.code("short", "a", "b")
    assert len({signer.code("short", *parts) for parts in (("ab", "c"), ("a", "bc"), ("abc",), ("abc", ""))}) == 4
    assert signer.code("short", "a") != signer.code("confirm", "a")


@given(st.binary(max_size=40))
def test_bytes_have_one_spelling(raw: bytes) -> None:
    text = encode(raw)

    assert decode(text) == raw
    with pytest.raises(ValueError, match=r"spelling|base64"):
        decode(text + "=")
