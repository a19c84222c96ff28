"""What is sealed is read by the holder of the key alone, as what it was sealed for."""

from base64 import b64decode, b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.errors import UnavailableError
from chalicelib.security.sealing import Sealer, SealError, seal
from chalicelib.security.signing import KeyRing, new_key

OLD, NEW = new_key(), new_key()


def sealer(parameter: str = OLD) -> Sealer:
    return Sealer(KeyRing(lambda: parameter))


SEALED = sealer().seal("a secret", about="totp#olga")


@given(st.text(st.characters(codec="utf-8")))
def test_what_was_sealed_comes_back(text: str) -> None:
    assert sealer().unseal(sealer().seal(text, about="it"), about="it") == text


def test_the_same_text_is_never_sealed_alike() -> None:
    assert sealer().seal("a secret", about="totp#olga") != SEALED
    assert "a secret" not in SEALED


def test_it_is_not_passed_off_as_anothers() -> None:
    with pytest.raises(SealError):
        sealer().unseal(SEALED, about="totp#boss")


@given(st.integers(0, 200), st.integers(1, 255))
def test_one_that_was_changed_is_refused(place: int, flip: int) -> None:
    raw = bytearray(b64decode(SEALED.removeprefix("sealed:")))
    raw[place % len(raw)] ^= flip
    for text in (f"sealed:{b64encode(raw).decode()}", SEALED[:-4], f"{SEALED}????", "sealed:", "sealed:ключ"):
        with pytest.raises(SealError):
            sealer().unseal(text, about="totp#olga")


def test_it_outlives_a_rotation_and_ends_with_its_key() -> None:
    assert sealer(f"{NEW},{OLD}").unseal(SEALED, about="totp#olga") == "a secret"
    with pytest.raises(SealError):
        sealer(NEW).unseal(SEALED, about="totp#olga")
    assert sealer(NEW).unseal(sealer(f"{NEW},{OLD}").seal("again", about="it"), about="it") == "again"


def test_what_was_kept_before_texts_were_sealed_is_read_as_it_is() -> None:
    assert sealer().unseal("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP", about="totp#olga") == "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"


def test_without_a_key_nothing_is_sealed() -> None:
    with pytest.raises(UnavailableError):
        sealer("short").seal("a secret", about="it")


def test_a_caller_seals_with_a_secret_of_its_own() -> None:
    assert seal("told", secret="one", about="c") != seal("told", secret="one", about="c")
