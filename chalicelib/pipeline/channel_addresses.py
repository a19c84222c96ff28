"""A channel's addresses of people: a field of the profile, or the endpoints that they have registered."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from chalicelib.manifest import CHANNELS
from chalicelib.storage.users import Profile


class EndpointReader(Protocol):
    """`storage.endpoints.EndpointBook` is one."""

    def usable(self, channel: str, user_ids: Iterable[str]) -> Mapping[str, Sequence[object]]:
        """Raises: UnavailableError (retryable)."""
        ...


class Addresses:
    """Finds addresses."""

    def __init__(self, endpoints: EndpointReader) -> None:
        self._endpoints = endpoints

    def of(self, channel: str, people: Mapping[str, Profile]) -> dict[str, str]:
        """The address of each who has one, by the keys of `people`; at most one request per hundred. Raises:
        UnavailableError (retryable)."""
        spec = CHANNELS[channel]
        found = {key: address for key, one in people.items() if (address := one.address(spec.address_field))}
        if not spec.endpoints or not found:
            return found
        usable = self._endpoints.usable(channel, found.values())
        return {key: address for key, address in found.items() if address in usable}
