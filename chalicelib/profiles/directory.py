"""The user directory on DynamoDB (the default). `enrich` reads it in chunks, the API writes it."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, cast

from pynamodb.expressions.update import Action

from chalicelib.addresses import same_address_key
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.profiles.model import Profile, User, UserBody, UserPatch
from chalicelib.profiles.preference_changes import WRITTEN_TO
from chalicelib.profiles.profile_source import Profiles
from chalicelib.storage.dynamodb import StageTable, batch_read, find, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.people import PreferencesRow, UserRow

_PATCH_TRIES = 3
_TEXTS = ("email", "phone", "name", "locale", "timezone")
_MOST_LEFT = 20  # addresses that a user had before


Moved = Callable[[Sequence[Profile]], None]


class Directory:
    """Profiles of one stage. `moved` hears of users who are about to have another address, or to own it; it may raise
    UnavailableError (retryable), as `key_of` may, which names (channel, address) without holding it."""

    def __init__(self, *, clock: Clock, moved: Moved, key_of: Callable[[str, str], str]) -> None:
        self._clock = clock
        self._key_of = key_of
        self._moved = moved

    def get(self, user_id: str) -> Profile:
        """One user. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        return _profile(self._row(user_id))

    def with_email(self, email: str, *, limit: int) -> list[Profile]:
        """Those with this address, however it is written. Raises: UnavailableError (retryable)."""
        ids: dict[str, None] = {}
        with reaching_dynamodb():
            for written in dict.fromkeys((same_address_key("email", email), email)):
                ids |= dict.fromkeys(row.id for row in UserRow.by_email.query(written, limit=limit))
        known = self.get_many(ids, fresh=True).known if ids else {}
        return [known[one] for one in ids if one in known]

    def get_many(self, ids: Iterable[str], *, fresh: bool, preferences: bool = False) -> Profiles:
        """See `ProfileSource`; not `fresh` reads cost half and come from any replica."""
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

    def size(self) -> int:
        """About how many users there are: AWS counts a table's items every six hours ("DescribeTable", ItemCount).
        Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return int(UserRow.describe_table()["ItemCount"])

    def page(
        self, *, segment: int, segments: int, cursor: dict[str, Any] | None, limit: int
    ) -> tuple[list[Profile], dict[str, Any] | None]:
        """Some users of one of `segments` disjoint parts of the directory, in no order, and where that part goes on
        (None: it is over). Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            answer: dict[str, Any] = UserRow._get_connection().scan(
                segment=segment, total_segments=segments, limit=limit, exclusive_start_key=cast(Any, cursor)
            )
        profiles = {item["id"]["S"]: Profile(id=item["id"]["S"]) for item in answer["Items"]}
        # Who cannot be read is a user all the same: `enrich` says what becomes of the letter.
        profiles |= {one.id: one for one in each(_profile_of, answer["Items"], alone=_unreadable)}
        return list(profiles.values()), answer.get("LastEvaluatedKey")

    def put(self, user_id: str, body: UserBody, *, seen: Seen | None = None) -> Profile:
        """Replaces a user, or makes one; with `seen`, only that one. Raises: ChangedError, ConflictError (permanent),
        UnavailableError (retryable)."""
        if seen is None:
            return self.put_many([User(id=user_id, **body.model_dump())])[0]
        return self._change(user_id, lambda _: body.model_dump(), seen=seen)

    def put_many(self, users: Sequence[User]) -> list[Profile]:
        """Replaces or makes every user; of a repeated id the last wins. Raises: UnavailableError (retryable): some may
        be written, the call may be repeated."""
        by_id = {user.id: user for user in users}
        at = rfc3339(self._clock())
        with reaching_dynamodb():
            known = {row.id: row for row in UserRow.batch_get(list(by_id), consistent_read=True)}
        rows = {user.id: self._made(user.id, user.model_dump(), known.get(user.id), at) for user in by_id.values()}
        self._moved([_profile(row) for row in rows.values() if _has_moved(known.get(row.id), row)])
        with reaching_dynamodb(), UserRow.batch_write() as batch:
            for row in rows.values():
                batch.save(row)
        return [_profile(rows[user.id]) for user in users]

    def patch(self, user_id: str, patch: UserPatch, *, seen: Seen | None = None) -> Profile:
        """Changes what the patch names. Raises: NotFoundError, ChangedError, ConflictError (permanent: others kept
        changing the user), UnavailableError (retryable)."""
        changes = patch.model_dump(exclude_unset=True)
        return self._change(user_id, lambda before: _merged(before, changes), seen=seen)

    def _change(self, user_id: str, change: Callable[[UserRow], Mapping[str, Any]], *, seen: Seen | None) -> Profile:
        for _ in range(_PATCH_TRIES):
            before = find(UserRow, user_id)
            if seen is not None:
                seen.require(_profile(before).to_dict() if before else None, what=Phrase("user {id}", id=user_id))
            if before is None:
                raise NotFoundError(Phrase("there is no user {id}", id=user_id))
            if before.erasing_at is not None:
                raise ConflictError(Phrase("user {id} is being erased", id=user_id))
            row = self._made(user_id, change(before), before, rfc3339(self._clock()))
            self._moved([_profile(row)] if _has_moved(before, row) else [])
            if save_if(row, UserRow.updated_at == before.updated_at):
                return _profile(row)
        raise ConflictError(Phrase("user {id} is being changed by others; read it and try again", id=user_id))

    def confirm(self, user_id: str, *, email: str) -> bool:
        """Marks the user's address as confirmed by its owner; false, and nothing done, where it is not the user's
        address any more. The first confirmation of an address keeps its time. Raises: UnavailableError (retryable)."""
        at = rfc3339(self._clock())
        unconfirmed = UserRow.confirmed_email.does_not_exist() | (UserRow.confirmed_email != email)
        confirmed = [UserRow.confirmed_email.set(email), UserRow.confirmed_at.set(at), UserRow.updated_at.set(at)]
        row = UserRow(user_id)
        if not update_if(row, confirmed, (UserRow.email == email) & unconfirmed):
            known = find(UserRow, user_id)
            if known is None or not known.email == email == known.confirmed_email:
                return False
            row = known
        self._moved([_profile(row)])  # after the write, as it may have been in vain: the link may be followed again
        return True

    def close(self, user_id: str, *, seen: Seen) -> None:
        """From now on nobody changes a user who is as was `seen`, or is not there: an erasure takes its time, and ends
        with what it began with. Raises: ChangedError, ConflictError (permanent: others kept changing the user),
        UnavailableError (retryable)."""
        for _ in range(_PATCH_TRIES):
            before = find(UserRow, user_id)
            if before is None:
                return
            seen.require(_profile(before).to_dict(), what=Phrase("user {id}", id=user_id))
            at = rfc3339(self._clock())
            closed: list[Action] = [UserRow.erasing_at.set(at), UserRow.updated_at.set(at)]
            if update_if(UserRow(user_id), closed, UserRow.updated_at == before.updated_at):
                return
        raise ConflictError(Phrase("user {id} is being changed by others; read it and try again", id=user_id))

    def delete(self, user_id: str) -> None:
        """Removes a profile. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        row = self._row(user_id)
        with reaching_dynamodb():
            row.delete()

    def left(self, user_id: str) -> list[str]:
        """The keys of the addresses that a user had before. Raises: NotFoundError (permanent), UnavailableError
        (retryable)."""
        return list(self._row(user_id).left or ())

    def _made(self, user_id: str, fields: Mapping[str, Any], before: UserRow | None, at: str) -> UserRow:
        row = _row(user_id, fields, before, at)
        if before is not None:
            known = [(channel, getattr(before, name)) for channel, name in WRITTEN_TO.items()]
            gone = [self._key_of(*one) for one in known if one[1] and one[1] != getattr(row, WRITTEN_TO[one[0]])]
            left = [*(one for one in before.left or () if one not in gone), *gone]
            row.left = left[-_MOST_LEFT:] or None
        return row

    def _row(self, user_id: str) -> UserRow:
        row = find(UserRow, user_id)
        if row is None:
            raise NotFoundError(Phrase("there is no user {id}", id=user_id))
        return row


def _has_moved(before: UserRow | None, row: UserRow) -> bool:
    if before is None:
        return True
    return (row.email, row.phone, row.confirmed_email) != (before.email, before.phone, before.confirmed_email)


def _merged(before: UserRow, changes: Mapping[str, Any]) -> dict[str, Any]:
    known = _profile(before).to_dict()
    del known["id"], known["email_confirmed"]
    attributes = changes.get("attributes", {})
    merged = {} if attributes is None else {**before.attributes, **attributes}
    kept = {name: value for name, value in merged.items() if value is not None}
    return {"email_confirmed": None, **known, **changes, "attributes": kept}


def _row(user_id: str, fields: Mapping[str, Any], before: UserRow | None, at: str) -> UserRow:
    email, confirmed = fields["email"], fields["email_confirmed"]
    confirmed_email = before.confirmed_email if before else None
    if confirmed is not None:
        confirmed_email = email if confirmed else None
    kept = before is not None and confirmed_email == before.confirmed_email
    return UserRow(
        user_id,
        email=email,
        confirmed_email=confirmed_email,
        confirmed_at=before.confirmed_at if before and kept else at if confirmed_email else None,
        phone=fields["phone"],
        name=fields["name"],
        locale=fields["locale"],
        timezone=fields["timezone"],
        attributes=fields["attributes"],
        created_at=before.created_at if before else at,
        updated_at=at,
    )


def _profile(row: UserRow) -> Profile:
    return _profile_of(row.serialize())


def _profile_of(item: Mapping[str, Any]) -> Profile:
    """Of an item as DynamoDB has it: whole chunks and pages are read so (PynamoDB's rows cost three times as much)."""
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


def _unreadable(_item: Mapping[str, Any], error: Exception) -> None:
    log_failure("profile", error)
