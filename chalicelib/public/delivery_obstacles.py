"""What keeps letters from a reader, as the preference page shows it: no switch is shown as on for something that will
not arrive, and beside it stands the reason and what the reader can do."""

from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.manifest import CHANNELS
from chalicelib.profiles.address_opt_outs import AddressObjections
from chalicelib.profiles.opt_outs import Objection
from chalicelib.profiles.preferences import SWITCHABLE, Preferences
from chalicelib.public.preference_form import field_of
from chalicelib.storage.users import Profile


class Standing(NamedTuple):
    """`against`: by channel, apart from what the reader has said."""

    user: Profile
    against: Mapping[str, AddressObjections]

    def on(self, stored: Preferences) -> set[str]:
        """The fields of the switches that are on: wanted, and nothing in the way."""
        return {
            field_of(category, channel)
            for category in SWITCHABLE
            for channel in CHANNELS
            if stored.wants(category, channel) and not self._stands(category, channel)
        }

    def shut(self) -> set[str]:
        """The fields of the switches that the reader cannot turn on."""
        return {
            field_of(category, channel)
            for channel, against in self.against.items()
            for category in SWITCHABLE
            if against.suppressed
            or (category in against.objections and not self._may_lift(channel, against.objections[category]))
        }

    def notices(self) -> list[tuple[str, str]]:
        """(channel, name of the text)."""
        found: dict[tuple[str, str], None] = {}
        for channel, against in self.against.items():
            if against.suppressed:
                found[channel, against.suppressed] = None
                continue
            for one in against.objections.values():
                if one.until is not None:
                    found[channel, "paused"] = None
                else:
                    found[channel, "lift" if self._may_lift(channel, one) else f"confirm_{channel}"] = None
        return list(found)

    def _stands(self, category: str, channel: str) -> bool:
        against = self.against.get(channel)
        return against is not None and (against.suppressed is not None or category in against.objections)

    def _may_lift(self, channel: str, objection: Objection) -> bool:
        return objection.until is None and self.user.owns(channel)
