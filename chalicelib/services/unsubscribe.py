"""What the links in a letter let its reader decide."""

from chalicelib.addresses import hash_of
from chalicelib.composed import Composed
from chalicelib.deliveries import DeliveryKey
from chalicelib.errors import UnavailableError
from chalicelib.profiles.address_opt_outs import AddressObjections, AddressOptOuts, addresses_of
from chalicelib.profiles.model import ProfileSource, profile_of
from chalicelib.profiles.preferences import EVERYTHING, WRITTEN_TO, Preferences, PreferenceStore, word_key
from chalicelib.security.signing import LetterClaims
from chalicelib.states import Engagement
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.users import Profile

_BY = "unsubscribe link"


class Unsubscribe(Composed):
    source: ProfileSource
    preferences: PreferenceStore
    mailboxes: AddressOptOuts
    ledger: Ledger

    def unsubscribe(self, claims: LetterClaims, *, everything: bool = False) -> None:
        """Stops letters of the same category (for a collected one: of all that are inside it) on the same channel, or
        everything but account letters: for the user and for the letter's address under any name, even if the user has
        left it, or for the address alone if the letter named no user. Idempotent. Raises: ConflictError,
        UnavailableError (retryable)."""
        for one in claims.each():
            self._stop(one, everything=everything)
        # Recorded last: what a letter led to is counted once, and never instead of the opt-out itself.
        self.ledger.engage(DeliveryKey(claims.notification_id, claims.channel), Engagement.UNSUBSCRIBED)

    def against(self, profile: Profile) -> dict[str, AddressObjections]:
        """By channel, others' opt-outs for this user's addresses, and why nothing is sent to them. Raises:
        UnavailableError (retryable)."""
        return {
            channel: self.mailboxes.against(profile.id, channel, address) for channel, address in addresses_of(profile)
        }

    def against_address(self, channel: str, address: str) -> AddressObjections:
        """Everything that keeps letters from an address, whoever chose it. Raises: UnavailableError (retryable)."""
        return self.mailboxes.against(None, channel, address)

    def _stop(self, claims: LetterClaims, *, everything: bool) -> None:
        key = EVERYTHING if everything else claims.category
        if claims.user_id is None:
            self.mailboxes.unsubscribe(claims.channel, claims.address or "", key, by=_BY)
            return
        if not self._is_still_there(claims.user_id, claims, key):
            return

        def without(before: Preferences) -> Preferences:
            if everything:
                return before.model_copy(update={"everything": False})
            return before.with_category(claims.category, claims.channel, wanted=False)

        named = {EVERYTHING if everything else word_key(claims.category, claims.channel)}
        self.preferences.change(claims.user_id, without, named=named)

    def _is_still_there(self, user_id: str, claims: LetterClaims, key: str) -> bool:
        """Whether there is still a user to record it for. If they have left the letter's address, or were erased, it is
        recorded for the address itself."""
        hashed = hash_of(claims.address)
        if hashed is None:
            return True
        try:
            user = profile_of(self.source, user_id)
        except UnavailableError:
            return True  # the opt-out is stored first; if copying it to the addresses fails, the call is repeated
        address = user.address(WRITTEN_TO[claims.channel]) if user else None
        if address is None or self.mailboxes.hash_of(claims.channel, address) != hashed:
            self.mailboxes.unsubscribe_hashed(claims.channel, hashed, key, by=_BY)
        return user is not None
