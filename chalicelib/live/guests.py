"""The shared limits of guests. Nobody vouches for a guest, and each connection is a new one, so guests are counted by
their network and by whom they write to, and a bar outlives the connection. Users are counted individually
(`flood_control.py`): a flood of guests takes nothing from them (ADR 0073)."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network, ip_address
from typing import NamedTuple

from chalicelib.errors import ConflictError, Phrase, TooManyRequestsError
from chalicelib.live.chat_names import name_keys
from chalicelib.live.flood_control import Act, FloodVerdict
from chalicelib.live.server_events import FrameError
from chalicelib.storage.allowances import Allowances
from chalicelib.storage.connections import Connection
from chalicelib.storage.live_people import LivePeople, Person

UNKNOWN_NETWORK = "unknown"


class GuestRules(NamedTuple):
    """The numbers of a stage; `docs/live.md` names them, a test compares. All but the last two are per network."""

    connections: int = 120  # a minute
    messages: int = 240  # a minute, to anybody, and names: as many as one person's frames
    to_one: int = 10  # a minute, to one person who has not written to the sender
    faults: int = 4  # in ten minutes; with more, the network's guests are barred
    all_to_one: int = 30  # a minute, of all guests to one person who has not written to them
    answer_seconds: int = 300  # for this long after each message from somebody, a guest is no stranger to them


@dataclass(eq=False, repr=False)
class Guests:
    """Every method raises: UnavailableError (retryable)."""

    counts: Allowances
    people: LivePeople
    rules: GuestRules = field(default_factory=GuestRules)

    def enter(self, network: str) -> None:
        """One more connects. Raises: ConflictError (permanent: barred, or too many at once)."""
        if self.people.seconds_barred([_bar(network)]):
            raise ConflictError(Phrase("the guests of this network are barred"))
        try:
            self.counts.take(f"count#enter#{network}", times=self.rules.connections, minutes=1)
        except TooManyRequestsError as error:
            raise ConflictError(Phrase("too many guests of one network")) from error

    def take_name(self, connection: Connection, name: str) -> None:
        """A guest who was muted or disconnected under this name cannot take it again, nor one that looks like it,
        before the time is over. Everybody present is told of a new name, so it counts as a message. Raises: FrameError
        (permanent)."""
        network = network_of(connection)
        if seconds := self.people.seconds_barred(list(_bars_of_name(network, name))):
            raise FrameError("muted", seconds=seconds)
        self._count(f"say#{network}", times=self.rules.messages, code="guests_flood")

    def say(self, connection: Connection, *, sender: Person, addressee: Person, shown: str) -> None:
        """One more message. Somebody to whom the addressee has just written is not a stranger. Raises: FrameError
        (permanent)."""
        network = network_of(connection)
        self._count(f"say#{network}", times=self.rules.messages, code="guests_flood")
        if not self.people.seconds_barred([_answer(sender, by=addressee)]):
            to = addressee.key
            self._count(f"to#{to}#{network}", times=self.rules.to_one, code="not_answered", name=shown)
            self._count(f"to#{to}", times=self.rules.all_to_one, code="not_answered", name=shown)

    def note_answer(self, *, sender: Person, addressee: Person) -> None:
        """Somebody may have written to a guest; stored like bars, with an end."""
        if addressee.is_guest:
            self.people.bar(_answer(addressee, by=sender), seconds=self.rules.answer_seconds)

    def punish(self, verdict: FloodVerdict, connection: Connection, sender: Person) -> None:
        """A mute has begun, or a flood has ended in a disconnect."""
        network, ends = network_of(connection), verdict.act is Act.END
        for key in _bars_of_name(network, sender.name) if sender.name else ():
            if ends:
                self.people.lengthen(key)
            else:
                self.people.bar(key, seconds=verdict.seconds)
        for _ in range(2 if ends else 1):
            try:
                self.counts.take(f"count#faults#{network}", times=self.rules.faults, minutes=10)
            except TooManyRequestsError:
                self.people.lengthen(_bar(network))
                break

    def _count(self, what: str, *, times: int, code: str, **values: str) -> None:
        try:
            self.counts.take(f"count#{what}", times=times, minutes=1)
        except TooManyRequestsError as error:
            raise FrameError(code, seconds=error.retry_after_seconds, **values) from error


def network_of(connection: Connection) -> str:
    """Where a guest's connection comes from."""
    return connection.network or UNKNOWN_NETWORK


def source_network(address: str | None) -> str:
    """The network of one source: an IPv4 address, or 64 bits of an IPv6 one, which belong together."""
    try:
        source = ip_address(address or "")
    except ValueError:
        return UNKNOWN_NETWORK
    if not isinstance(source, IPv6Address):
        return str(source)
    mapped = source.ipv4_mapped
    return str(mapped) if mapped else str(IPv6Network((int(source), 64), strict=False))


def _answer(guest: Person, *, by: Person) -> str:
    return f"answer#{guest.key}#{by.key}"


def _bar(network: str) -> str:
    return f"bar#{network}"


def _bars_of_name(network: str, name: str) -> Iterator[str]:
    for way, key in name_keys(name)._asdict().items():
        yield f"{_bar(network)}#{way}#{key}"
