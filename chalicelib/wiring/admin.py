"""The managers' page: accounts, the way in, sessions."""

from functools import cache

from chalicelib.accounts.authentication import Entrance
from chalicelib.accounts.managers import Managers
from chalicelib.accounts.second_factor import SecondFactors
from chalicelib.accounts.sessions import Sessions
from chalicelib.clock import now
from chalicelib.settings import settings
from chalicelib.storage.allowances import Allowances
from chalicelib.wiring.signing import sealer, signer


@cache
def managers() -> Managers:
    """The accounts."""
    return Managers(clock=now, factors=_factors(), site=settings().site_name)


@cache
def entrance() -> Entrance:
    """Who gets in."""
    return Entrance(signer=signer(), factors=_factors(), allowances=Allowances(clock=now), clock=now)


@cache
def sessions() -> Sessions:
    """Who is signed in."""
    return Sessions(signer=signer(), managers=managers(), clock=now)


def _factors() -> SecondFactors:
    return SecondFactors(sealer=sealer(), clock=now, required=settings().second_factor == "required")
