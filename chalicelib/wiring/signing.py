"""What signs links and tokens, what names addresses, what seals secrets."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.security.address_hash import AddressHashes
from chalicelib.security.signing import Key, KeyRing, ReadParameter, Signer, parameter_name, read_parameter
from chalicelib.security.tokens import Tokens
from chalicelib.settings import settings
from chalicelib.wiring.clients import ssm

if TYPE_CHECKING:
    from chalicelib.security.sealing import Sealer


@cache
def signer() -> Signer:
    """What tokens and links are signed with."""
    return Signer(_reader("signing-key"))


@cache
def tokens() -> Tokens:
    """The tokens in letters."""
    return Tokens(signer(), clock=now)


@cache
def address_hashes() -> AddressHashes:
    """The names of addresses."""
    return AddressHashes(Signer(_reader("address-key")))


@cache
def sealer() -> "Sealer":
    """What secrets in tables are sealed with."""
    from chalicelib.security.sealing import Sealer

    return Sealer(KeyRing(_reader("sealing-key")))


def _reader(key: Key) -> ReadParameter:
    return lambda: read_parameter(ssm(), parameter_name(settings().stage, key))
