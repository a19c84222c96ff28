"""Which letters, campaigns, lists and links a caller of the API sees. A key belongs to the service that its name says,
so that a new key of a service sees what the old one asked for (ADR 0067)."""

from typing import NamedTuple


class Sight(NamedTuple):
    """What a caller sees: what `service` asked for, or everything. Anything else is answered as if it had never
    existed."""

    service: str | None = None
    key_id: str | None = None
    everything: bool = False

    def has(self, service: str | None, *, by: str | None = None) -> bool:
        """Whether a thing is visible: `service` asked for it or, where that was not recorded, the key `by`."""
        if self.everything or service is not None:
            return self.everything or service == self.service
        return by is not None and by == self.key_id


def service_hand(name: str) -> str:
    """How a service is named where it matters who did something; no key or manager has such a name."""
    return f"service:{name}"


NO_OTHERS: frozenset[str] = frozenset()  # stand behind a manager
NOTHING = Sight()
EVERYTHING = Sight(everything=True)  # of people on the managers' pages, and of workers
