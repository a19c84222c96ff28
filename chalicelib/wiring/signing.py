"""What signs links and tokens."""

from functools import cache

from chalicelib.control.signing import Signer, parameter_name, read_parameter
from chalicelib.control.tokens import Tokens
from chalicelib.settings import settings
from chalicelib.wiring.clients import ssm


@cache
def signer() -> Signer:
    """What tokens and links are signed with."""
    return Signer(lambda: read_parameter(ssm(), parameter_name(settings().stage)))


@cache
def tokens() -> Tokens:
    """The tokens in letters."""
    return Tokens(signer())
