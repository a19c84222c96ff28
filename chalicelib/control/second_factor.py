"""One-time codes of an authenticator app (TOTP, RFC 6238), as the second factor of a manager who wants one. Called by
`managers.py` and by the account page.
"""

import hmac
from datetime import datetime

from chalicelib.errors import InvalidError

_STEP_SECONDS = 30
_DRIFT = (-1, 0, 1)  # steps that a phone's clock may be off
_BASE32 = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")
_SECRET_CHARACTERS = 32  # 160 bits, as RFC 4226 recommends


def new_secret() -> str:
    """A fresh secret in base32."""
    import pyotp  # only these pages need it

    return pyotp.random_base32(_SECRET_CHARACTERS)


def step_of(secret: str, code: str, *, at: datetime) -> int | None:
    """The time step that this code belongs to; None for a code that is wrong now."""
    import pyotp

    digits = code.replace(" ", "").encode()
    now = int(at.timestamp()) // _STEP_SECONDS
    totp = pyotp.TOTP(secret, interval=_STEP_SECONDS)
    for step in (now + drift for drift in _DRIFT):
        if hmac.compare_digest(totp.at(step * _STEP_SECONDS).encode(), digits):
            return step
    return None


def check_secret(secret: str) -> None:
    """Raises: InvalidError (permanent) for what `new_secret` does not make."""
    if len(secret) != _SECRET_CHARACTERS or not set(secret) <= _BASE32:
        raise InvalidError.of("secret", "expected the secret that the page showed: open the page again")


def picture(secret: str, *, name: str, site: str) -> str:
    """A QR code for the app, as a data URI of an SVG image."""
    import pyotp
    import segno

    address = pyotp.TOTP(secret, interval=_STEP_SECONDS).provisioning_uri(name=name, issuer_name=site)
    return segno.make(address, error="m").svg_data_uri(scale=4, border=2, light="#fff")
