"""Managers' passwords, kept as argon2id hashes. Called by `managers.py`."""

import secrets
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.errors import InvalidError

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD, MAX_PASSWORD = 12, 256


def hashed(password: str, *, field: str = "password") -> str:
    """What is stored of it. Raises: InvalidError (permanent; names the field): it is too short or too long."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidError.of(field, f"expected {MIN_PASSWORD} to {MAX_PASSWORD} characters")
    return _hasher().hash(password)


def fits(password_hash: str, password: str) -> bool:
    """Whether this is the password; takes the same time either way."""
    from argon2.exceptions import VerificationError

    try:
        return _hasher().verify(password_hash, password[: MAX_PASSWORD + 1])
    except VerificationError:
        return False


@cache
def nobodys_hash() -> str:
    """A hash that no password fits: whoever asks for an unknown name waits as long as for a known one."""
    return _hasher().hash(secrets.token_urlsafe(15))


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # 20 ms and a shared library that no other call needs

    # argon2id as OWASP's password storage cheat sheet asks for: one thread, because a small Lambda has no second core.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
