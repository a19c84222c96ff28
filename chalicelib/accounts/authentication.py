"""The way in for managers: the password, then the code of whoever has a second factor; and the same proof once more
from somebody who is in. Every try takes from an allowance first, and only those that fail stay counted:

- a browser that has signed in to the account before has one of its own, so that no stranger can use it up;
- any other shares those of its network, of the name there, and of the name everywhere. Where the last is used up, a
  code still lets its owner in: whoever tries then learns nothing but "type the code", whatever the password was.
"""

import ipaddress
import secrets
from datetime import datetime, timedelta
from typing import NamedTuple

from chalicelib.accounts.managers import Manager, manager_of, named_account
from chalicelib.accounts.passwords import fits, nobodys_hash
from chalicelib.accounts.second_factor import SecondFactors
from chalicelib.clock import Clock
from chalicelib.errors import ForbiddenError, InvalidError, Phrase, TooManyRequestsError, UnauthorizedError
from chalicelib.security.signing import MAC_BYTES, Signer, decode, encode
from chalicelib.storage.allowances import Allowances
from chalicelib.storage.managers import Account

# How often, in how many minutes.
TRIES, TRIES_OF_A_NETWORK, TRIES_OF_A_NAME, TRIES_OF_A_CODE = (10, 15), (30, 15), (50, 60), (20, 24 * 60)
STEP_LASTS = timedelta(minutes=5)
BROWSER_LASTS = timedelta(days=180)
# Purposes of the signing key.
_DOOR, _STEP, _GUESS, _BROWSER = "admin-door", "admin-step", "admin-guess", "admin-browser"
_WRONG = Phrase("the name, the password or the code is wrong")


class At(NamedTuple):
    """Where an attempt comes from: the address, and the browser's cookies (its door, and that it is known)."""

    ip: str
    door: str = ""
    known: str = ""


class SignInStep(NamedTuple):
    """The code is asked for. `state` comes back with it; `tired`: too many passwords were tried, so it is not revealed
    whether this one was right."""

    state: str
    tired: bool = False


class Authentication:
    """Signs managers in. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, signer: Signer, factors: SecondFactors, allowances: Allowances, clock: Clock) -> None:
        self._signer = signer
        self._factors = factors
        self._allowances = allowances
        self._clock = clock

    def by_password(self, name: str, password: str, *, at: At) -> Manager | SignInStep:
        """The first step. Raises: UnauthorizedError (permanent; the same for a wrong name and password, after the same
        work), TooManyRequestsError (later)."""
        account = named_account(name)
        known = account is not None and self._knows(account, at)
        taken = self._take(name, known=known, at=at)
        named = None if known else self._take_of_name(name)
        right = fits(account.password_hash if account else nobodys_hash(), password) and self._may_enter(account)
        if named is None and not known:  # too many tries: only the second factor tells the owner from the others
            owner = account if right and account and account.totp_secret else None
            return SignInStep(self._state(name, password, owner, at), tired=True)
        if account is None or not right:
            raise UnauthorizedError(_WRONG)
        self._give_back([*taken, *([named] if named else [])])
        return SignInStep(self._state(name, password, account, at)) if account.totp_secret else manager_of(account)

    def by_code(self, state: str, code: str, *, at: At) -> Manager:
        """The second step, with the state of the first. Raises: as the first; ForbiddenError (permanent: that was too
        long ago)."""
        name, began, guess = _parts(state)
        if self._clock() - began > STEP_LASTS:
            raise ForbiddenError(Phrase("the first step was too long ago: start again"))
        account = named_account(name)
        known = account is not None and self._knows(account, at)
        taken = [*self._take(name, known=known, at=at), self._take_code(name, guess, known=known, at=at)]
        if account is None or not self._passed(account, state, at):
            raise UnauthorizedError(_WRONG)
        if not self._may_enter(account) or not self._factors.use(account, code):
            raise UnauthorizedError(_WRONG)
        self._give_back(taken)
        return manager_of(account)

    def prove(self, name: str, password: str, code: str, *, at: At) -> None:
        """Proves that whoever is signed in is still the owner of the account: by the current password and, if there is
        a second factor, an unused code. Raises: InvalidError (permanent), TooManyRequestsError (later)."""
        account = named_account(name)
        known = account is not None and self._knows(account, at)
        taken = self._take(name, known=known, at=at)
        if not known:
            taken.append(self._allowance(f"sign-in-name#{name}", TRIES_OF_A_NAME))
        if account is None or not fits(account.password_hash, password):
            raise InvalidError.of("old", Phrase("this is not the current password"))
        taken.append(self._take_code(name, self._guess(name, password), known=known, at=at))
        if not self._factors.use(account, code):
            raise InvalidError.of("present", Phrase("this code is wrong, or was used already: wait for the next one"))
        self._give_back(taken)

    def door_token(self, door: str) -> str:
        """What the form of a browser with this door holds."""
        return self._signer.code(_DOOR, door)

    def made(self, door: str, token: str) -> bool:
        """Whether this browser got this form from us."""
        return bool(door) and self._fits(token, _DOOR, door)

    def browser_token(self, name: str) -> str:
        """Recognises a browser that has signed in, until all sessions of the account end."""
        account, at = named_account(name), str(int(self._clock().timestamp()))
        return f"{at}.{self._signer.code(_BROWSER, name, at, *_proven_with(account))}" if account else ""

    def _knows(self, account: Account, at: At) -> bool:
        began, _, mac = at.known.partition(".")
        if not self._fits(mac, _BROWSER, account.name, began, *_proven_with(account)):
            return False
        return self._clock().timestamp() - int(began) <= BROWSER_LASTS.total_seconds()

    def _take(self, name: str, *, known: bool, at: At) -> list[str]:
        if known:
            return [self._allowance(f"sign-in-browser#{name}#{at.known.partition('.')[0]}", TRIES)]
        network = network_of(at.ip)
        taken = [self._allowance(f"sign-in-network#{network}", TRIES_OF_A_NETWORK)]
        return [*taken, self._allowance(f"sign-in#{name[:64]}#{network}", TRIES)]

    def _take_of_name(self, name: str) -> str | None:
        try:
            return self._allowance(f"sign-in-name#{name[:64]}", TRIES_OF_A_NAME)
        except TooManyRequestsError:
            return None

    def _take_code(self, name: str, guess: str, *, known: bool, at: At) -> str:
        # Per password: whoever knows it guesses no more codes, and others do not use up the owner's. It is taken
        # for a wrong password too, so that running out of it reveals nothing.
        who = at.known.partition(".")[0] if known else guess[:64]
        return self._allowance(f"sign-in-code#{name[:64]}#{who}", TRIES_OF_A_CODE)

    def _allowance(self, what: str, limit: tuple[int, int]) -> str:
        return self._allowances.take(what, times=limit[0], minutes=limit[1])

    def _give_back(self, taken: list[str]) -> None:
        # Taken before the work, so that tries at the same moment count too.
        for window in taken:
            self._allowances.give_back(window)

    def _may_enter(self, account: Account | None) -> bool:
        if account is None or account.disabled:
            return False
        return account.initial_until is None or self._clock() < datetime.fromisoformat(account.initial_until)

    def _guess(self, name: str, password: str) -> str:
        return self._signer.code(_GUESS, name, password)

    def _state(self, name: str, password: str, account: Account | None, at: At) -> str:
        """For the owner, or for somebody who should believe so."""
        began, guess = str(int(self._clock().timestamp())), self._guess(name, password)
        mac = encode(secrets.token_bytes(MAC_BYTES))
        if account is not None:
            mac = self._signer.code(_STEP, at.door, name, began, guess, *_proven_with(account))
        return f"{encode(name[:64].encode())}.{began}.{guess}.{mac}"

    def _passed(self, account: Account, state: str, at: At) -> bool:
        _, began, guess, mac = state.split(".")
        return self._fits(mac, _STEP, at.door, account.name, began, guess, *_proven_with(account))

    def _fits(self, mac: str, purpose: str, *parts: str) -> bool:
        try:
            return self._signer.verify(decode(mac), purpose, *parts)
        except ValueError:
            return False


def network_of(ip: str) -> str:
    """Who shares an allowance: an IPv4 address, or a customer's /64 of IPv6 (RFC 6177)."""
    try:
        address = ipaddress.ip_address(ip)
    except ValueError:
        return ip
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address), 64), strict=False))


def _proven_with(account: Account) -> tuple[str, str]:
    """What an earlier proof depends on: the same password, and no end of all sessions since."""
    return account.password_hash, str(account.sessions_round)


def _parts(state: str) -> tuple[str, datetime, str]:
    """The name, the time, and which password was tried. Raises: UnauthorizedError (permanent)."""
    try:
        name, began, guess, _ = state.split(".")
        return decode(name).decode(), datetime.fromtimestamp(int(began)).astimezone(), guess
    except (ValueError, OverflowError, OSError) as error:
        raise UnauthorizedError(_WRONG) from error
