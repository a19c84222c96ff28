"""The audit of both doors."""

import re
from functools import cache

from chalicelib.accounts.audit import Audit
from chalicelib.accounts.audit_log import AuditReader
from chalicelib.clock import now
from chalicelib.storage.audit import AuditChain
from chalicelib.wiring.signing import address_hashes

_ID = re.compile(r"[A-Za-z0-9._~:-]{1,256}")  # of users, letters, templates, settings: of all but an address as one


@cache
def audit() -> Audit:
    """Who does what: what this process writes."""
    return Audit(clock=now, chain=AuditChain(clock=now))


@cache
def audit_reader() -> AuditReader:
    """Who did what."""
    return AuditReader(clock=now)


def thing_of(named: str) -> str:
    """What an act was done with, as the audit may hold it: what is written as ids are stays, anything else becomes its
    keyed hash, be it an address, a number, or a person's name. Raises: UnavailableError (retryable)."""
    return named if _ID.fullmatch(named) else address_thing(named, channel="sms" if named.startswith("+") else "email")


def address_thing(address: str, *, channel: str = "email") -> str:
    """The keyed hash of what stands where an address does. Raises: as `thing_of`."""
    return address_hashes().owner(channel, address)
