"""The user directory on DynamoDB (the default)."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

from chalicelib.addresses import owner_at, same_address_key
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.profiles.model import User, UserBody, UserPatch
from chalicelib.profiles.preferences import WRITTEN_TO
from chalicelib.storage.sole_users import SoleUsers
from chalicelib.storage.users import CONFIRMED_CHANNEL, Profile, StoredUser, Users

_CHANGE_TRIES = 3
_MOST_LEFT = 20  # a user's former addresses

Moved = Callable[[Sequence[Profile]], None]


class Directory(Users):
    """`moved` is called for users who are about to get another address, or to confirm it; it may raise UnavailableError
    (retryable), as may `key_of`, which gives the keyed hash of (channel, address). `sole` learns who has an address
    before they have it, and who leaves one before they do: a crash in between costs a row more (ADR 0098)."""

    def __init__(self, *, clock: Clock, moved: Moved, key_of: Callable[[str, str], str], sole: SoleUsers) -> None:
        self._clock = clock
        self._key_of = key_of
        self._moved = moved
        self._sole = sole

    def get(self, user_id: str) -> Profile:
        """Raises: NotFoundError (permanent)."""
        return self._known(user_id).profile

    def with_email(self, email: str, *, limit: int) -> list[Profile]:
        """Users with this address, however it is written."""
        ids = self.with_emails([same_address_key("email", email), email], limit=limit)
        known = self.get_many(ids, fresh=True).known if ids else {}
        return [known[one] for one in ids if one in known]

    def with_name(self, name: str, *, limit: int) -> list[Profile]:
        """Users with this full name, as it is written or with capitals."""
        ids = self.with_names([name, name.title()], limit=limit)
        known = self.get_many(ids, fresh=True).known if ids else {}
        return [known[one] for one in ids if one in known]

    def put(self, user_id: str, body: UserBody, *, seen: Seen | None = None) -> Profile:
        """Creates or replaces a user; with `seen`, only if unchanged since. Raises: ChangedError, ConflictError
        (permanent)."""
        if seen is None:
            return self.put_many([User(id=user_id, **body.model_dump())])[0]
        return self._change(user_id, lambda _: body.model_dump(), seen=seen)

    def put_many(self, users: Sequence[User]) -> list[Profile]:
        """Creates or replaces every user; the last of a repeated id wins. Raises: UnavailableError (retryable): some
        may be written, the call may be repeated."""
        by_id = {user.id: user for user in users}
        known = self.find_many(by_id)
        at = rfc3339(self._clock())
        made = {one.id: self._made(one.id, one.model_dump(), known.get(one.id), at) for one in by_id.values()}
        self._moved([one.profile for one in made.values() if _has_moved(known.get(one.id), one)])
        self._settle([(known.get(one.id), one) for one in made.values()])
        self.save_all(made.values())
        return [made[user.id].profile for user in users]

    def patch(self, user_id: str, patch: UserPatch, *, seen: Seen | None = None) -> Profile:
        """Changes what the patch names. Raises: NotFoundError, ChangedError, ConflictError (permanent: others kept
        changing the user)."""
        changes = patch.model_dump(exclude_unset=True)
        return self._change(user_id, lambda before: _merged(before, changes), seen=seen)

    def confirm(self, user_id: str, *, email: str) -> bool:
        """Marks the user's address as confirmed by its owner; false, with nothing done, if it is no longer the user's
        address. The first confirmation of an address keeps its time."""
        user = self.confirm_email(user_id, email, at=self._clock())
        if user is None:
            return False
        self._moved([user.profile])  # after the write, as it may have been in vain: the link may be followed again
        return True

    def close(self, user_id: str, *, seen: Seen) -> None:
        """From now on nobody can change a user, if they are as `seen` or missing: an erasure takes time, and must end
        with what it began with. Raises: ChangedError, ConflictError (permanent: others kept changing the user)."""
        for _ in range(_CHANGE_TRIES):
            before = self.find(user_id)
            if before is None:
                return
            seen.require(before.profile.to_dict(), what=Phrase("user {id}", id=user_id))
            if self.lock(before, at=self._clock()):
                return
        raise ConflictError(Phrase("user {id} is being changed by others; read it and try again", id=user_id))

    def delete(self, user_id: str) -> None:
        """Removes a profile. Raises: NotFoundError (permanent)."""
        self.remove(self._known(user_id).id)

    def left(self, user_id: str) -> list[str]:
        """The keys of a user's former addresses. Raises: NotFoundError (permanent)."""
        return list(self._known(user_id).left or ())

    def _change(self, user_id: str, change: Callable[[StoredUser], Mapping[str, Any]], *, seen: Seen | None) -> Profile:
        for _ in range(_CHANGE_TRIES):
            before = self.find(user_id)
            if seen is not None:
                seen.require(before.profile.to_dict() if before else None, what=Phrase("user {id}", id=user_id))
            if before is None:
                raise NotFoundError(Phrase("there is no user {id}", id=user_id))
            if before.erasing_at is not None:
                raise ConflictError(Phrase("user {id} is being erased", id=user_id))
            made = self._made(user_id, change(before), before, rfc3339(self._clock()))
            self._moved([made.profile] if _has_moved(before, made) else [])
            self._settle([(before, made)])
            if self.save(made, after=before):
                return made.profile
        raise ConflictError(Phrase("user {id} is being changed by others; read it and try again", id=user_id))

    def _settle(self, changes: Collection[tuple[StoredUser | None, StoredUser]]) -> None:
        """Before users are written: which email addresses they leave, and which they come to."""
        moving = [(before.email if before else None, now.email, now.id) for before, now in changes]
        moving = [(old, new, user) for old, new, user in moving if old != new]
        self._sole.leave([(self._owner(old), user) for old, _, user in moving if old])
        self._sole.come([(self._owner(new), user) for _, new, user in moving if new])

    def _owner(self, email: str) -> str:
        return owner_at(self._key_of(CONFIRMED_CHANNEL, email))

    def _made(self, user_id: str, fields: Mapping[str, Any], before: StoredUser | None, at: str) -> StoredUser:
        made = _changed(user_id, fields, before, at)
        if before is None:
            return made
        known = {channel: getattr(before, name) for channel, name in WRITTEN_TO.items()}
        gone = [
            self._key_of(channel, address)
            for channel, address in known.items()
            if address and address != getattr(made, WRITTEN_TO[channel])
        ]
        left = [*(one for one in before.left or () if one not in gone), *gone]
        return made._replace(left=left[-_MOST_LEFT:] or None)

    def _known(self, user_id: str) -> StoredUser:
        user = self.find(user_id)
        if user is None:
            raise NotFoundError(Phrase("there is no user {id}", id=user_id))
        return user


def _has_moved(before: StoredUser | None, now: StoredUser) -> bool:
    if before is None:
        return True
    return (now.email, now.phone, now.confirmed_email) != (before.email, before.phone, before.confirmed_email)


def _merged(before: StoredUser, changes: Mapping[str, Any]) -> dict[str, Any]:
    known = before.profile.to_dict()
    del known["id"], known["email_confirmed"]
    attributes = changes.get("attributes", {})
    merged = {} if attributes is None else {**before.attributes, **attributes}
    kept = {name: value for name, value in merged.items() if value is not None}
    return {"email_confirmed": None, **known, **changes, "attributes": kept}


def _changed(user_id: str, fields: Mapping[str, Any], before: StoredUser | None, at: str) -> StoredUser:
    """`fields` are those of a `UserBody`."""
    known, email = dict(fields), fields["email"]
    confirmed, confirmed_email = known.pop("email_confirmed"), before.confirmed_email if before else None
    if confirmed is not None:
        confirmed_email = email if confirmed else None
    kept = before is not None and confirmed_email == before.confirmed_email
    known.pop("id", None)
    return StoredUser(
        id=user_id,
        **known,
        confirmed_email=confirmed_email,
        confirmed_at=before.confirmed_at if before and kept else at if confirmed_email else None,
        created_at=before.created_at if before else at,
        updated_at=at,
    )
