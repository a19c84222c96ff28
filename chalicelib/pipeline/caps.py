"""How many letters may go to a user and an address: counted where they are about to leave."""

from collections.abc import Mapping

from chalicelib.composed import Composed
from chalicelib.configuration.setting_shapes import AddressLimit
from chalicelib.configuration.site_settings import SiteSettings
from chalicelib.manifest import CHANNELS
from chalicelib.pipeline.eligibility import Reader
from chalicelib.security.signing import AddressHashes
from chalicelib.storage.frequency_caps import ACCOUNT, UNCONFIRMED, FrequencyCaps


class Caps(Composed):
    """The limits of letters (the settings `caps`, `account_letters`, `unconfirmed_letters`), and that an address gets
    one of a campaign's run. What a user has registered, devices and chats, is no address: the user is counted for
    it."""

    site: SiteSettings
    store: FrequencyCaps
    addresses: AddressHashes

    def take(self, category: str, channel: str, wanted: Mapping[str, Reader]) -> tuple[frozenset[str], str | None]:
        """Counts letters, by notification id, as far as the cap lets it; answers the others, and the rule. Repeating it
        counts nothing twice. Raises: UnavailableError (retryable)."""
        cap = self.site.current().caps.get(category)
        if cap is None or not wanted:
            return frozenset(), None
        owners = {
            id_: [owner for owner in (one.user_id, self._owner(channel, one)) if owner] for id_, one in wanted.items()
        }
        refused = self.store.take(category, owners, letters=cap.letters, days=cap.days)
        return refused, f"cap {category}: {cap.letters} in {cap.days} days"

    def take_account_letter(self, template: str, channel: str, notification_id: str, person: Reader) -> str | None:
        """Counts a letter about an account against its address; the rule where there were enough of its template in the
        present window. Each template counts apart: no number of registrations keeps somebody from a new password.
        Raises: UnavailableError (retryable; repeating it counts once)."""
        limit = self.site.current().account_letters
        if self._takes(f"{ACCOUNT}{template}", self._owner(channel, person), notification_id, limit):
            return None
        return f"account letters: {limit.letters} of {template} to an address in {limit.minutes} minutes"

    def take_unconfirmed(self, channel: str, notification_id: str, person: Reader) -> str | None:
        """The same for a letter of any template to an address that nobody has confirmed, by its mailbox, whatever
        stands behind a `+`: whoever can name it can have letters sent there."""
        limit = self.site.current().unconfirmed_letters
        mailbox = None if _is_own(channel, person) else self.addresses.mailbox(channel, person.address)
        if self._takes(UNCONFIRMED, mailbox, notification_id, limit):
            return None
        return f"unconfirmed letters: {limit.letters} to an address in {limit.minutes} minutes"

    def take_of_run(self, run_id: str, channel: str, wanted: Mapping[str, Reader]) -> frozenset[str]:
        """Those whose address another letter of the run has taken, on whatever page, shard or list row; at most fifty
        at once. Raises: UnavailableError (retryable)."""
        return self.store.take_of_run(run_id, self.owners(channel, wanted))

    def owners(self, channel: str, people: Mapping[str, Reader]) -> dict[str, str]:
        """Whose each address is, by notification id. Raises: UnavailableError (retryable)."""
        return {id_: owner for id_, one in people.items() if (owner := self._owner(channel, one)) is not None}

    def _takes(self, what: str, owner: str | None, notification_id: str, limit: AddressLimit) -> bool:
        return owner is None or self.store.take_in_window(
            what, owner, notification_id, letters=limit.letters, minutes=limit.minutes
        )

    def _owner(self, channel: str, person: Reader) -> str | None:
        return None if _is_own(channel, person) else self.addresses.owner(channel, person.address)


def _is_own(channel: str, person: Reader) -> bool:
    return CHANNELS[channel].endpoints or person.address == person.user_id
