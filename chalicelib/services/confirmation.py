"""Sends the confirmation letter again when a user asks for it."""

from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import ConfirmationAgain
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.errors import ConflictError, Phrase
from chalicelib.pipeline.accept import Accept, Accepted
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.profiles.directory import Directory
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.allowances import Allowances


class ConfirmationLetters(Composed):
    """Sends confirmation letters again."""

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
