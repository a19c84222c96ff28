"""The managers' page: accounts and sessions."""

from functools import cache

from chalicelib.clock import now
from chalicelib.control.allowance import Allowances
from chalicelib.control.managers import Managers
from chalicelib.control.sessions import Sessions
from chalicelib.settings import settings
from chalicelib.wiring.signing import sealer, signer


@cache
def managers() -> Managers:
    """The accounts."""
    return Managers(clock=now, allowances=Allowances(clock=now), sealer=sealer(), site=settings().site_name)


@cache
def sessions() -> Sessions:
    """Who is signed in."""
    return Sessions(signer=signer(), managers=managers(), clock=now)
