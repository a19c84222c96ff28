"""The people behind connections: their name in the chat, whom they block, their flood limits, and until when they are
barred from the chat."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any, NamedTuple

from pynamodb.expressions.condition import Condition, size
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock
from chalicelib.storage.dynamodb import batch_read, reaching_dynamodb, update_if
from chalicelib.storage.rows.live import PersonRow
from chalicelib.storage.values import find, read_each

FIRST_SECONDS = 60
LONGEST_SECONDS = 60 * 60
FORGET_SECONDS = 60 * 60  # after this long without a bar, the next is a first one again
_KEPT_SECONDS = 24 * 60 * 60
_USER = "user#"
_GUEST = "guest#"


class Person(NamedTuple):
    """Who is behind a connection: a user who came with a ticket, or a guest. `blocked` holds the members that
    `live.blocks` makes; `limits` is a stored `live.flood_control.FloodState`."""

    key: str
    connections: frozenset[str] = frozenset()
    name: str | None = None
    name_keys: tuple[str, ...] = ()
    blocked: frozenset[str] = frozenset()
    limits: Mapping[str, Any] = {}
    limits_version: int = 0
    barred_until: int = 0  # epoch seconds

    @property
    def user_id(self) -> str | None:
        """None for a guest."""
        return user_of(self.key)

    @property
    def is_guest(self) -> bool:
        """Whether nobody vouches for them."""
        return self.user_id is None


def user_person(user_id: str) -> str:
    """The key of a user, the same for all their connections."""
    return _USER + user_id


def guest_person(connection_id: str) -> str:
    """The key of a guest, who is known only by the connection."""
    return _GUEST + connection_id


def user_of(key: str) -> str | None:
    """The user's id; None for a guest."""
    return key.removeprefix(_USER) if key.startswith(_USER) else None


class LivePeople:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def get(self, key: str) -> Person:
        """A person as of now; an unknown one is new."""
        return person_of(find(PersonRow, key) or PersonRow(key))

    def some(self, keys: Iterable[str]) -> dict[str, Person]:
        """Those who are known, by key."""
        with reaching_dynamodb():
            items = [item for _, item in batch_read({PersonRow: [(one,) for one in set(keys)]})]
        return {person.key: person for person in read_each(PersonRow, items, person_of)}

    def block(self, person: Person, member: str, *, most: int) -> Person | None:
        """Adds one to those whom the person blocks; None, with nothing done, if there are `most` already."""
        room = PersonRow.blocked.does_not_exist() | (size(PersonRow.blocked) < most)
        return _updated(person.key, [PersonRow.blocked.add({member})], room)

    def unblock(self, person: Person, members: Collection[str]) -> Person:
        """Removes these from those whom the person blocks."""
        return _updated(person.key, [PersonRow.blocked.delete(set(members))], None) or person

    def save_limits(self, person: Person, limits: Mapping[str, Any]) -> Person | None:
        """Stores the state of the flood limits; None, with nothing done, if it has changed since it was read."""
        version = PersonRow.limits_version
        same = version == person.limits_version if person.limits_version else version.does_not_exist()
        actions: list[Action] = [PersonRow.limits.set(limits), version.set(person.limits_version + 1)]
        return _updated(person.key, actions, same)

    def seconds_barred(self, keys: Iterable[str]) -> int:
        """The rest of the longest of these bars; 0 if there is none. A key is a person's, or names what bars are kept
        for (`live.guests`)."""
        with reaching_dynamodb():
            rows = list(PersonRow.batch_get(list(set(keys)), consistent_read=True))
        return max((self.seconds_left(person_of(row)) for row in rows), default=0)

    def seconds_left(self, person: Person) -> int:
        """The rest of this person's bar; 0 if there is none."""
        return max(0, person.barred_until - self._now())

    def bar(self, key: str, *, seconds: int) -> None:
        """Bars for at least this long from now on."""
        until = PersonRow.barred_until_epoch
        self._bar(PersonRow(key), seconds, [], until.does_not_exist() | (until < self._now() + seconds))

    def lengthen(self, key: str) -> None:
        """Bars for a minute, and each time for twice as long, up to an hour. Two simultaneous calls count once."""
        row = find(PersonRow, key) or PersonRow(key)
        over = self._now() - int(row.barred_until_epoch or 0)
        before = int(row.bars or 0) if over < FORGET_SECONDS else 0
        seconds = min(LONGEST_SECONDS, FIRST_SECONDS * 2**before)
        same = PersonRow.bars == row.bars if row.bars else PersonRow.bars.does_not_exist()
        self._bar(row, seconds, [PersonRow.bars.set(before + 1)], same)

    def _bar(self, row: PersonRow, seconds: int, actions: list[Action], condition: Condition) -> None:
        until = self._now() + seconds
        actions = [*actions, PersonRow.barred_until_epoch.set(until)]
        if user_of(row.person) is None:
            actions.append(PersonRow.expires_at_epoch.set(until + _KEPT_SECONDS))
        update_if(row, actions, condition)

    def _now(self) -> int:
        return int(self._clock().timestamp())


def person_of(row: PersonRow) -> Person:
    """The person in a row."""
    return Person(
        key=row.person,
        connections=frozenset(row.connections or ()),
        name=row.name,
        name_keys=tuple(row.name_keys or ()),
        blocked=frozenset(row.blocked or ()),
        limits=row.limits or {},
        limits_version=int(row.limits_version or 0),
        barred_until=int(row.barred_until_epoch or 0),
    )


def is_called(name: str | None) -> Condition:
    """The condition that the person's name is as it was read."""
    return PersonRow.name == name if name else PersonRow.name.does_not_exist()


def _updated(key: str, actions: list[Action], condition: Condition | None) -> Person | None:
    row = PersonRow(key)
    return person_of(row) if update_if(row, actions, condition) else None
