"""Managers' passwords, stored as argon2id hashes."""

import secrets
from collections.abc import Collection
from functools import cache
from typing import TYPE_CHECKING

from chalicelib.accounts.weak_passwords import weakness
from chalicelib.errors import InvalidError, Phrase

if TYPE_CHECKING:
    from argon2 import PasswordHasher

MIN_PASSWORD, MAX_PASSWORD = 12, 256


def check_chosen(password: str, *, field: str, about: Collection[str]) -> None:
    """Refuses passwords that others would guess; `about`: names of the account and the site. Raises: InvalidError
    (permanent; names the field)."""
    if not MIN_PASSWORD <= len(password) <= MAX_PASSWORD:
        raise InvalidError.of(
            field, Phrase("expected {least} to {most} characters", least=MIN_PASSWORD, most=MAX_PASSWORD)
        )
    if (problem := weakness(password, about=about)) is not None:
        raise InvalidError.of(field, problem)


def hashed(password: str) -> str:
    """What is stored of it."""
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
    """A hash that no password fits: an unknown name takes as long as a known one."""
    return _hasher().hash(secrets.token_urlsafe(15))


@cache
def _hasher() -> "PasswordHasher":
    from argon2 import PasswordHasher  # 20 ms and a shared library that no other call needs

    # argon2id as OWASP's password storage cheat sheet asks for: one thread, because a small Lambda has no second core.
    return PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)
