"""A new link for the holder of an expired one: sent to the address that the old letter went to, never shown, as that
letter may have been forwarded (ADR 0008)."""

from collections.abc import Callable

from chalicelib.addresses import hash_of
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.errors import ConflictError, InvalidError, TooManyRequestsError
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.requests import NotificationRequest, OwnerOf, Recipient
from chalicelib.profiles.model import ProfileSource, profile_of
from chalicelib.profiles.preferences import WRITTEN_TO
from chalicelib.security.signing import LetterClaims, Purpose, Tokens
from chalicelib.storage.allowances import Allowances

TEMPLATE = "new-link"
CALLER = "reader"  # the requester of the letter
_LETTERS, _MINUTES = 3, 24 * 60  # per reader


class LinkRenewal(Composed):
    """`url` is the public one, without a trailing slash."""

    accept: Callable[[], Accept]
    source: ProfileSource
    tokens: Tokens
    allowances: Allowances
    owner: OwnerOf
    url: str
    clock: Clock

    def send(self, claims: LetterClaims, purpose: Purpose, *, locale: str) -> None:
        """Sends one letter with a fresh link of the same kind; at most one a day per old letter, three per reader.
        Sends nothing if the user was erased or has another address now, without telling the holder. Raises:
        UnavailableError (retryable)."""
        recipient = self._recipient(claims, locale=locale)
        if recipient is None:
            return
        [token] = self.tokens.make(claims, purpose)
        request = NotificationRequest(
            template=TEMPLATE,
            recipients=(recipient,),
            context={"link_url": f"{self.url}/{purpose.value}/{token}"},
            channels=(claims.channel if claims.channel in WRITTEN_TO else "email",),
        )
        key = f"{TEMPLATE}#{purpose.value}#{claims.notification_id}#{claims.channel}#{self.clock():%Y-%m-%d}"
        reader = claims.user_id or self.owner(claims.channel, claims.address or "")
        try:
            self.allowances.take(f"{TEMPLATE}#{reader}", times=_LETTERS, minutes=_MINUTES)
            self.accept().accept(request, caller=CALLER, key=key)
        except (TooManyRequestsError, ConflictError, InvalidError):
            return  # enough for today; sent in another language already; a template of the stage's own cannot be made

    def _recipient(self, claims: LetterClaims, *, locale: str) -> Recipient | None:
        if claims.user_id is None:
            return Recipient(email=claims.address, locale=locale) if claims.channel == "email" else None
        user = profile_of(self.source, claims.user_id)
        if user is None:
            return None
        address = user.address(CHANNELS[claims.channel].address_field) if claims.channel in WRITTEN_TO else None
        moved = hash_of(claims.address) is not None and (
            address is None or self.owner(claims.channel, address) != claims.address
        )
        return None if moved else Recipient(user_id=claims.user_id)
