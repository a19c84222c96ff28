"""What people set up: templates, the keys of services, settings."""

from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, IncludeProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta


class NewestIndex(GlobalSecondaryIndex["TemplateRow"]):
    """The newest version of every template; a version leaves the index when the next one comes."""

    class Meta:
        index_name = "newest"
        projection = AllProjection()

    newest: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    key: UnicodeAttribute = UnicodeAttribute(range_key=True)


SHIPPED_PLACE = 0  # the sort key of what came with the code, which has a partition for each version


def shipped_row_key(key: str, name: str) -> str:
    """The partition of a version that came with the code."""
    return f"{key}#{name}"


class TemplateRow(StageTable):
    """One version of a template, which never changes; what people save has numbers that only grow. `body` is the whole
    `rendering.model.Template` as JSON, or the whole layout."""

    class Meta(TableMeta):
        thing = "templates"

    key: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    version: NumberAttribute = NumberAttribute(range_key=True)
    in_order = NewestIndex()
    newest = UnicodeAttribute(null=True)  # one word for all, where there is no newer one
    body: JSONAttribute = JSONAttribute()
    created_at = UnicodeAttribute()
    created_by = UnicodeAttribute()


class KeysInOrderIndex(GlobalSecondaryIndex["ApiKeyRow"]):
    """The keys as managers see them, without their hashes; made or revoked a few times a year."""

    class Meta:
        index_name = "in-order"
        projection = IncludeProjection(["name", "scopes", "created_at", "revoked_at"])

    listed: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    place: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ApiKeyRow(StageTable):
    """A service's key, stored only as the SHA-256 of its secret (256 random bits: a slow hash would add nothing).
    `place` puts those that work before those that are revoked, each by name."""

    class Meta(TableMeta):
        thing = "api-keys"

    key_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    in_order = KeysInOrderIndex()
    listed = UnicodeAttribute(null=True)
    place = UnicodeAttribute(null=True)
    name = UnicodeAttribute()
    secret_hash = UnicodeAttribute()
    scopes: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute)
    created_at = UnicodeAttribute()
    made_by = UnicodeAttribute(null=True)  # the manager
    revoked_at = UnicodeAttribute(null=True)


class SettingRow(StageTable):
    """A setting that managers change at run time. `value` is any JSON; versions grow by one."""

    class Meta(TableMeta):
        thing = "settings"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    value: JSONAttribute = JSONAttribute()
    version: NumberAttribute = NumberAttribute()
    updated_at = UnicodeAttribute()
    updated_by = UnicodeAttribute()
