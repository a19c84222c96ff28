"""What is known of users: profiles, their preferences, and addresses that must not be written to."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute

from chalicelib.storage.base import JSONAttribute, StageTable, TableMeta


class UserRow(StageTable):
    """A profile. `confirmed_email` is the address its owner confirmed: another one is unconfirmed by itself."""

    class Meta(TableMeta):
        thing = "users"

    id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    email = UnicodeAttribute(null=True)
    confirmed_email = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    locale = UnicodeAttribute(null=True)
    timezone = UnicodeAttribute(null=True)
    attributes: JSONAttribute = JSONAttribute(default=dict)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class PreferencesRow(StageTable):
    """A user's own say (design §8): `{everything, categories, quiet_hours, paused_until}` as JSON."""

    class Meta(TableMeta):
        thing = "preferences"

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    preferences: JSONAttribute = JSONAttribute(default=dict)
    updated_at = UnicodeAttribute()


class SuppressionRow(StageTable):
    """An address that must not be written to; `address` is `<channel>#<address in lower case>`."""

    class Meta(TableMeta):
        thing = "suppressions"

    address: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    reason = UnicodeAttribute()
    created_at = UnicodeAttribute()
    expires_at_epoch = NumberAttribute(null=True)
