"""The people of the admin page: their accounts, their sessions, and what they did."""

from typing import Any

from pynamodb.attributes import BooleanAttribute, ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta

LISTED = "managers"  # the one partition of `by-name`


class ByNameIndex(GlobalSecondaryIndex["ManagerRow"]):
    """The accounts by name. Keys alone: a sign-in writes nothing here, and no secret is kept twice."""

    class Meta:
        index_name = "by-name"
        projection = KeysOnlyProjection()

    listed: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    name: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ManagerRow(StageTable):
    """A `storage.managers.Account`."""

    class Meta(TableMeta):
        thing = "managers"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_name = ByNameIndex()
    listed = UnicodeAttribute(null=True)
    password_hash = UnicodeAttribute()
    roles: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    disabled: BooleanAttribute = BooleanAttribute(default=False)
    totp_secret = UnicodeAttribute(null=True)
    totp_step: NumberAttribute = NumberAttribute(null=True)
    sessions_round: NumberAttribute = NumberAttribute(null=True)
    initial_until = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    created_by = UnicodeAttribute()


class ByManagerIndex(GlobalSecondaryIndex["SessionRow"]):
    """The sessions of an account, the oldest first. Keys alone: that a session was seen writes nothing here."""

    class Meta:
        index_name = "by-manager"
        projection = KeysOnlyProjection()

    manager: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    began_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class SessionRow(StageTable):
    """Somebody signed in: found by the SHA-256 of what the cookie holds, deleted by TTL or when they sign out.
    `proved_at`: when they last gave password and code."""

    class Meta(TableMeta):
        thing = "sessions"

    id_hash: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_manager = ByManagerIndex()
    manager = UnicodeAttribute()
    round: NumberAttribute = NumberAttribute(default=-1)  # no round of any account
    began_at = UnicodeAttribute()
    seen_at = UnicodeAttribute(default="")
    proved_at = UnicodeAttribute(default="")
    browser = UnicodeAttribute(default="")
    network = UnicodeAttribute(default="")
    expires_at_epoch: NumberAttribute = NumberAttribute()


class AuditRow(StageTable):
    """A line of the audit; written once, never changed. `place` is the time and the writer's own number; the end of an
    act stands beside its beginning. What a line holds is named by its `digest`, and the line that the same writer wrote
    before it by `before`."""

    class Meta(TableMeta):
        thing = "audit"

    month: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    place: UnicodeAttribute = UnicodeAttribute(range_key=True)
    at = UnicodeAttribute()
    door = UnicodeAttribute()
    by = UnicodeAttribute()
    did = UnicodeAttribute()
    thing = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute()
    ip = UnicodeAttribute()
    request = UnicodeAttribute(null=True)
    details = JSONAttribute(null=True)
    chain = UnicodeAttribute()
    number: NumberAttribute = NumberAttribute()
    before = UnicodeAttribute(null=True)
    digest: UnicodeAttribute = UnicodeAttribute()
