"""Letters that a reader asks the service for: the confirmation letter again, and a new link for the holder of an
expired one. That goes to the address of the old letter and is never shown, as the letter may have been forwarded (ADR
0008)."""

from collections.abc import Callable

from chalicelib.addresses import hash_of
from chalicelib.clock import Clock
from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import ConfirmationAgain
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import ConflictError, InvalidError, Phrase, TooManyRequestsError
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.accept import Accept, Accepted
from chalicelib.pipeline.requests import NotificationRequest, OwnerOf, Recipient
from chalicelib.profiles.directory import Directory
from chalicelib.profiles.model import ProfileSource, profile_of
from chalicelib.profiles.preferences import WRITTEN_TO
from chalicelib.security.signing import AddressHashes, LetterClaims, Purpose, Tokens
from chalicelib.storage.allowances import Allowances

TEMPLATE = "new-link"
CALLER = "reader"  # the requester of the letter
_LETTERS, _MINUTES = 3, 24 * 60  # per reader


class ConfirmationLetters(Composed):
    directory: Directory
    accept: Accept
    allowances: Allowances
    site: SiteSettings
    addresses: AddressHashes

    def check(self, again: ConfirmationAgain) -> None:
        """Whether its template could be sent. Raises: InvalidError (permanent), UnavailableError (retryable)."""
        self.accept.check(NotificationRequest(template=again.template, recipients=(Recipient(user_id="any"),)))

    def send_again(self, user_id: str, *, caller: str, key: str | None = None, service: str | None = None) -> Accepted:
        """One letter; with the same `key` it is the same one. Raises: NotFoundError (permanent: no such user),
        ConflictError (permanent: nothing to confirm), TooManyRequestsError (later), UnavailableError (retryable)."""
        user = self.directory.get(user_id)
        if user.email is None:
            raise ConflictError(Phrase("user {id} has no email address to confirm", id=user_id))
        if user.email_confirmed:
            raise ConflictError(Phrase("the address of user {id} is confirmed already", id=user_id))
        again = self.site.current(fresh=True).confirmation_again
        request = NotificationRequest(template=again.template, recipients=(Recipient(user_id=user_id),))
        self.accept.check(request)
        for asked in (user_id, self.addresses.owner("email", user.email)):  # several users may share one address
            self.allowances.take(f"confirmation#{asked}", times=again.letters, minutes=again.minutes)
        return self.accept.accept(request, caller=caller, key=key, service=service)[0]


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
