"""One-time codes of an authenticator app (TOTP, RFC 6238), as the second factor of managers."""

import hmac
from datetime import datetime

from chalicelib.clock import Clock
from chalicelib.errors import InvalidError, Phrase
from chalicelib.observability import logger
from chalicelib.security.sealing import Sealer, SealError
from chalicelib.storage.managers import Account, use_code

_STEP_SECONDS = 30
_DRIFT = (-1, 0, 1)  # steps that a phone's clock may be off
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_SECRET_CHARACTERS = 32  # 160 bits, as RFC 4226 recommends


class SecondFactors:
    """The second factors of accounts; their secrets are sealed in the table. `required`: every account needs one."""

    def __init__(self, *, sealer: Sealer, clock: Clock, required: bool) -> None:
        self.required = required
        self._sealer = sealer
        self._clock = clock

    def check(self, secret: str, code: str) -> int:
        """The time step of a code; proves that the app has the secret. Raises: InvalidError (permanent)."""
        check_secret(secret)
        step = step_of(secret, code, at=self._clock())
        if step is None:
            raise InvalidError.of(
                "code", Phrase("this is not what the app should show now: is the phone's clock right?")
            )
        return step

    def use(self, account: Account, code: str) -> bool:
        """Whether the code is right and was never used; True for an account without a second factor. Raises:
        UnavailableError (retryable)."""
        if account.totp_secret is None:
            return True
        try:
            secret = self._sealer.unseal(account.totp_secret, about=_about(account.name))
        except SealError:
            logger().error("a second factor cannot be read: an administrator has to take it away", manager=account.name)
            return False
        step = step_of(secret, code, at=self._clock())
        if step is None:
            return False
        # Sealed again with the newest key: an old account has its secret in the clear.
        return use_code(account, sealed_secret=self.sealed(account.name, secret), step=step)

    def sealed(self, name: str, secret: str) -> str:
        """The secret as it may be stored. Raises: UnavailableError (retryable)."""
        return self._sealer.seal(secret, about=_about(name))


def _about(name: str) -> str:
    return f"totp#{name}"


def new_secret() -> str:
    import pyotp  # only these pages need it

    return pyotp.random_base32(_SECRET_CHARACTERS)


def step_of(secret: str, code: str, *, at: datetime) -> int | None:
    """The time step that this code belongs to; None if the code is wrong now."""
    import pyotp

    digits = code.replace(" ", "").encode()
    now = int(at.timestamp()) // _STEP_SECONDS
    totp = pyotp.TOTP(secret, interval=_STEP_SECONDS)
    for step in (now + drift for drift in _DRIFT):
        if hmac.compare_digest(totp.at(step * _STEP_SECONDS).encode(), digits):
            return step
    return None


def check_secret(secret: str) -> None:
    """Raises: InvalidError (permanent) for anything that `new_secret` does not make."""
    if len(secret) != _SECRET_CHARACTERS or not set(secret) <= _BASE32:
        raise InvalidError.of("secret", Phrase("expected the secret that the page showed: open the page again"))


def picture(secret: str, *, name: str, site: str) -> str:
    """A QR code for the app, as a data URI of an SVG image."""
    import pyotp
    import segno

    address = pyotp.TOTP(secret, interval=_STEP_SECONDS).provisioning_uri(name=name, issuer_name=site)
    return segno.make(address, error="m").svg_data_uri(scale=4, border=2, light="#fff")
