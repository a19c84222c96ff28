"""The user directory: profiles, read in chunks by `enrich` and written by the API; and preferences, read with them or
with what is known of addresses."""

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, cast

from chalicelib.clock import rfc3339
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.storage.addresses import AddressRecord
from chalicelib.storage.dynamodb import StageTable, batch_read, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.people import PreferencesRow, SuppressionRow, UserRow
from chalicelib.storage.values import find, value_of

CONFIRMED_CHANNEL = "email"  # the channel whose address can be confirmed
_TEXTS = ("email", "phone", "name", "locale", "timezone")
Wishes = Mapping[str, Mapping[str, Any]]  # the preferences of those who have set any, by user id


class Profile(NamedTuple):
    """What is known about a user. `email_confirmed` concerns only the current `email`."""

    id: str
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    attributes: Mapping[str, Any] = {}
    email_confirmed: bool = False

    def address(self, address_field: str) -> str | None:
        """The address for a channel whose spec names `address_field`."""
        value: str | None = getattr(self, address_field)
        return value

    def owns(self, channel: str) -> bool:
        """Whether the user has proved to own the address of that channel."""
        return channel == CONFIRMED_CHANNEL and self.email_confirmed

    def to_dict(self) -> dict[str, Any]:
        """In the shape of the API."""
        return self._asdict() | {"attributes": dict(self.attributes)}


class StoredUser(NamedTuple):
    """A user with what only the directory needs. `confirmed_email` is the address that its owner confirmed, at
    `confirmed_at`: another one is automatically unconfirmed. `left`: the user's former addresses, as `<channel>#<keyed
    hash>`, newest last. `erasing_at`: since then nobody may change the user."""

    id: str
    created_at: str
    updated_at: str
    email: str | None = None
    phone: str | None = None
    name: str | None = None
    locale: str | None = None
    timezone: str | None = None
    attributes: Mapping[str, Any] = {}
    confirmed_email: str | None = None
    confirmed_at: str | None = None
    left: Sequence[str] | None = None
    erasing_at: str | None = None

    @property
    def profile(self) -> Profile:
        """What others see."""
        texts = {name: getattr(self, name) for name in _TEXTS}
        confirmed = self.email is not None and self.email == self.confirmed_email
        return Profile(id=self.id, attributes=self.attributes, email_confirmed=confirmed, **texts)


class Profiles(NamedTuple):
    """An answer: the `known` users by id; ids that got no answer (`unresolved`: ask again); those with unreadable data
    (`unreadable`: they have failed). Anybody else does not exist. `preferences` of those who have set any; None: the
    source has none to give."""

    known: Mapping[str, Profile]
    unresolved: frozenset[str] = frozenset()
    unreadable: frozenset[str] = frozenset()
    preferences: Wishes | None = None


class Users:
    """Each method raises UnavailableError (retryable)."""

    def get_many(self, ids: Iterable[str], *, fresh: bool, preferences: bool = False) -> Profiles:
        """See `ProfileSource`; reads that are not `fresh` cost half and come from any replica."""
        keys: list[tuple[str, ...]] = [(one,) for one in ids]
        tables: tuple[type[StageTable], ...] = (UserRow, PreferencesRow) if preferences else (UserRow,)
        profiles, unreadable = dict[str, Profile](), set[str]()
        wishes: dict[str, Mapping[str, Any]] = {}

        def read(one: tuple[type[StageTable], dict[str, Any]]) -> None:
            model, item = one
            if model is UserRow:
                profiles[item["id"]["S"]] = _profile_of(item)
            else:
                wishes[item["user_id"]["S"]] = PreferencesRow.from_raw_data(item).preferences

        def strange(one: tuple[type[StageTable], dict[str, Any]], error: Exception) -> None:
            log_failure("profile", error)
            unreadable.add(one[1]["id" if one[0] is UserRow else "user_id"]["S"])

        with reaching_dynamodb():
            each(read, batch_read(dict.fromkeys(tables, keys), consistent=fresh), alone=strange)
        known = {one: profiles[one] for one in profiles.keys() - unreadable}
        return Profiles(known, unreadable=frozenset(unreadable), preferences=wishes if preferences else None)

    def with_emails(self, emails: Iterable[str], *, limit: int) -> list[str]:
        """The ids of users with one of these addresses, at most `limit` for each."""
        with reaching_dynamodb():
            found = [row.id for one in dict.fromkeys(emails) for row in UserRow.by_email.query(one, limit=limit)]
        return list(dict.fromkeys(found))

    def with_names(self, names: Iterable[str], *, limit: int) -> list[str]:
        """The ids of users with one of these names, at most `limit` for each."""
        with reaching_dynamodb():
            found = [row.id for one in dict.fromkeys(names) for row in UserRow.by_name.query(one, limit=limit)]
        return list(dict.fromkeys(found))

    def size(self) -> int:
        """About how many users there are: AWS counts a table's items every six hours ("DescribeTable", ItemCount)."""
        with reaching_dynamodb():
            return int(UserRow.describe_table()["ItemCount"])

    def page(
        self, *, segment: int, segments: int, cursor: dict[str, Any] | None, limit: int
    ) -> tuple[list[Profile], dict[str, Any] | None]:
        """Some users of one of `segments` disjoint parts of the directory, unordered, and the next cursor of that part
        (None: it is over)."""
        with reaching_dynamodb():
            answer: dict[str, Any] = UserRow._get_connection().scan(
                segment=segment, total_segments=segments, limit=limit, exclusive_start_key=cast(Any, cursor)
            )
        profiles = {item["id"]["S"]: Profile(id=item["id"]["S"]) for item in answer["Items"]}
        # An unreadable user is a user all the same: `enrich` decides about the letter.
        readable = each(_profile_of, answer["Items"], alone=lambda _, error: log_failure("profile", error))
        return list((profiles | {one.id: one for one in readable}).values()), answer.get("LastEvaluatedKey")

    def find(self, user_id: str) -> StoredUser | None:
        """As it is now."""
        row = find(UserRow, user_id)
        return None if row is None else value_of(StoredUser, row)

    def find_many(self, user_ids: Collection[str]) -> dict[str, StoredUser]:
        """By id, as they are now."""
        with reaching_dynamodb():
            return {
                row.id: value_of(StoredUser, row) for row in UserRow.batch_get(list(user_ids), consistent_read=True)
            }

    def save(self, user: StoredUser, *, after: StoredUser) -> bool:
        """Writes a user; False if it is not as it was `after`."""
        return save_if(_row(user), UserRow.updated_at == after.updated_at)

    def save_all(self, users: Iterable[StoredUser]) -> None:
        """Writes users over whatever is there; some may be written if it fails."""
        with reaching_dynamodb(), UserRow.batch_write() as batch:
            for user in users:
                batch.save(_row(user))

    def confirm_email(self, user_id: str, email: str, *, at: datetime) -> StoredUser | None:
        """Marks the user's address as confirmed, if it is still the user's; the first time counts. Returns the user if
        it is confirmed now."""
        now = rfc3339(at)
        unconfirmed = UserRow.confirmed_email.does_not_exist() | (UserRow.confirmed_email != email)
        confirmed = [UserRow.confirmed_email.set(email), UserRow.confirmed_at.set(now), UserRow.updated_at.set(now)]
        row = UserRow(user_id)
        if update_if(row, confirmed, (UserRow.email == email) & unconfirmed):
            return value_of(StoredUser, row)
        known = self.find(user_id)
        return known if known is not None and known.email == email == known.confirmed_email else None

    def lock(self, user: StoredUser, *, at: datetime) -> bool:
        """Lets nobody change the user from now on; False if it is not as it was."""
        now = rfc3339(at)
        closed = [UserRow.erasing_at.set(now), UserRow.updated_at.set(now)]
        return update_if(UserRow(user.id), closed, UserRow.updated_at == user.updated_at)

    def remove(self, user_id: str) -> None:
        """Deletes a profile."""
        with reaching_dynamodb():
            UserRow(user_id).delete()


def read_with_preferences(
    user_ids: Collection[str], keys: Collection[str], *, consistent: bool
) -> tuple[Wishes, dict[str, AddressRecord]]:
    """Preferences of users and records of addresses in one read: those of fifty letters fit into one request. Raises:
    UnavailableError (retryable)."""
    wanted = {PreferencesRow: [(one,) for one in user_ids], SuppressionRow: [(key,) for key in set(keys)]}
    preferences: dict[str, Mapping[str, Any]] = {}
    records: dict[str, AddressRecord] = {}
    with reaching_dynamodb():
        for model, item in batch_read(wanted, consistent=consistent):
            row = model.from_raw_data(item)
            if isinstance(row, PreferencesRow):
                preferences[row.user_id] = row.preferences
            elif isinstance(row, SuppressionRow):
                records[row.address] = value_of(AddressRecord, row)
    return preferences, records


def _row(user: StoredUser) -> UserRow:
    columns = user._asdict()
    return UserRow(**columns | {"left": list(user.left) if user.left else None})


def _profile_of(item: Mapping[str, Any]) -> Profile:
    # From the item: whole chunks and pages are read so, and PynamoDB's rows cost three times as much.
    texts = {name: item[name]["S"] for name in _TEXTS if "S" in item.get(name, {})}
    stored = item.get("attributes", {}).get("S")
    attributes = json.loads(stored) if stored else {}
    if not isinstance(attributes, dict):
        raise TypeError("attributes are an object")
    return Profile(
        id=item["id"]["S"],
        attributes=attributes,
        email_confirmed="email" in texts and item.get("confirmed_email", {}).get("S") == texts["email"],
        **texts,
    )
