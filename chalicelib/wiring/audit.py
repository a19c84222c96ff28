"""The audit of both doors."""

from functools import cache

from chalicelib.clock import now
from chalicelib.control.audit import Audit
from chalicelib.control.audit_chain import Chain
from chalicelib.control.audit_reading import AuditReader
from chalicelib.wiring.signing import address_hashes

_LONGEST_THING = 256  # characters; every id is shorter, and a form may hold anything


@cache
def audit() -> Audit:
    """Who does what: what this process writes."""
    return Audit(clock=now, chain=Chain(clock=now))


@cache
def audit_reader() -> AuditReader:
    """Who did what."""
    return AuditReader(clock=now)


def thing_of(thing: str, *, channel: str = "email") -> str:
    """What an act was done with, as the audit may hold it: an id stays, an address becomes its keyed hash. Raises:
    UnavailableError (retryable)."""
    return address_hashes().owner(channel, thing) if "@" in thing or channel != "email" else thing[:_LONGEST_THING]
