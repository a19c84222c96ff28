"""What signs links and tokens, and what names addresses."""

from functools import cache

from chalicelib.control.address_hash import AddressHashes
from chalicelib.control.signing import Key, Signer, parameter_name, read_parameter
from chalicelib.control.tokens import Tokens
from chalicelib.settings import settings
from chalicelib.wiring.clients import ssm


@cache
def signer() -> Signer:
    """What tokens and links are signed with."""
    return _with("signing-key")


@cache
def tokens() -> Tokens:
    """The tokens in letters."""
    return Tokens(signer())


@cache
def address_hashes() -> AddressHashes:
    """The names of addresses."""
    return AddressHashes(_with("address-key"))


def _with(key: Key) -> Signer:
    return Signer(lambda: read_parameter(ssm(), parameter_name(settings().stage, key)))
