from collections.abc import Iterator

import pytest
from pydantic import TypeAdapter, ValidationError

from chalicelib.profiles.model import UserId
from chalicelib.security.signing import AddressHashes, Signer, new_key


@pytest.fixture
def hashes() -> Iterator[AddressHashes]:
    key = new_key()
    yield AddressHashes(Signer(lambda: key))


def test_every_spelling_of_an_address_has_one_name(hashes: AddressHashes) -> None:
    written = ("ivan@почта.рф", "Ivan@xn--80a1acny.xn--p1ai", " IVAN@ПОЧТА.РФ ")
    assert len({hashes.of("email", one) for one in written}) == 1


def test_another_address_channel_or_key_has_another_name(hashes: AddressHashes) -> None:
    of_another_key = AddressHashes(Signer(lambda: new_key()))
    named = [hashes.of("email", "a@x.example"), hashes.of("email", "b@x.example"), hashes.of("sms", "a@x.example")]
    assert len({*named, of_another_key.of("email", "a@x.example")}) == 4


def test_no_user_can_be_taken_for_the_owner_of_an_address(hashes: AddressHashes) -> None:
    with pytest.raises(ValidationError):
        TypeAdapter(UserId).validate_python(hashes.owner("email", "a@x.example"))
