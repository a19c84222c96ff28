"""Services apart: what a caller of the API sees of all that services ask for (letters, campaigns, lists, links). A key
belongs to the service that its name says, so that a new key of a service sees what the old one asked for.
"""

from typing import NamedTuple


class Sight(NamedTuple):
    """What of it somebody sees: what `service` asked for, or everything. What a service does not see is, for it, not
    there: it is answered as what never was."""

    service: str | None = None
    key_id: str | None = None
    everything: bool = False

    def has(self, service: str | None, *, by: str | None = None) -> bool:
        """Whether a thing is in sight: `service` asked for it, or, where that was not written down, the key `by`."""
        if self.everything or service is not None:
            return self.everything or service == self.service
        return by is not None and by == self.key_id


def service_hand(name: str) -> str:
    """How a service is named where whose doing something is matters; no key and no manager is named so."""
    return f"service:{name}"


NO_OTHERS: frozenset[str] = frozenset()  # stand behind a manager
NOTHING = Sight()
EVERYTHING = Sight(everything=True)  # of people at the managers' page, and of workers
