"""What users want follows them to the addresses that they have: said once by a user, it holds for whatever is written
to the address. Told by the store of preferences and by the directory.
"""

from collections.abc import Iterable, Sequence

from chalicelib.profiles.address_opt_outs import Mailboxes
from chalicelib.profiles.model import Profile
from chalicelib.profiles.preference_changes import WRITTEN_TO
from chalicelib.profiles.preferences import PreferenceStore, Stated
from chalicelib.profiles.profile_source import ProfileSource, profile_of


class Following:
    """For one stage."""

    def __init__(self, *, source: ProfileSource, preferences: PreferenceStore, mailboxes: Mailboxes) -> None:
        self._source = source
        self._preferences = preferences
        self._mailboxes = mailboxes

    def said(self, user_id: str, stated: Stated) -> None:
        """A user has said what they want. Raises: UnavailableError (retryable)."""
        profile = profile_of(self._source, user_id)
        if profile is not None:
            self._hear(profile, stated)

    def moved(self, profiles: Sequence[Profile]) -> None:
        """Users are getting other addresses, or have confirmed theirs. Their old addresses keep what was said of them.
        Raises: UnavailableError (retryable)."""
        stated = self._preferences.of_many({one.id for one in profiles})
        for one in profiles:
            if one.id in stated:
                self._hear(one, stated[one.id])

    def _hear(self, profile: Profile, stated: Stated) -> None:
        for channel, address in addresses_of(profile):
            owned = profile.owns(channel)
            self._mailboxes.hear(profile.id, channel, address, stated.preferences, stated.words, confirmed=owned)


def addresses_of(profile: Profile) -> Iterable[tuple[str, str]]:
    """(channel, address) of each that others may have too."""
    for channel, name in WRITTEN_TO.items():
        address = profile.address(name)
        if address:
            yield channel, address
