"""What is known of users: profiles, their preferences, and addresses that must not be written to."""

from typing import Any

from pynamodb.attributes import ListAttribute, NumberAttribute, UnicodeAttribute, UnicodeSetAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta


class ByEmailIndex(GlobalSecondaryIndex["UserRow"]):
    """Who has an address; several people may share one."""

    class Meta:
        index_name = "by-email"
        projection = KeysOnlyProjection()

    email: UnicodeAttribute = UnicodeAttribute(hash_key=True)


class ByFullNameIndex(GlobalSecondaryIndex["UserRow"]):
    """Who has a name, exactly as it is written."""

    class Meta:
        index_name = "by-name"
        projection = KeysOnlyProjection()

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)


class UserRow(StageTable):
    """A `storage.users.StoredUser`."""

    class Meta(TableMeta):
        thing = "users"

    id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_email = ByEmailIndex()
    by_name = ByFullNameIndex()
    email = UnicodeAttribute(null=True)
    confirmed_email = UnicodeAttribute(null=True)
    confirmed_at = UnicodeAttribute(null=True)
    phone = UnicodeAttribute(null=True)
    name = UnicodeAttribute(null=True)
    locale = UnicodeAttribute(null=True)
    timezone = UnicodeAttribute(null=True)
    attributes: JSONAttribute = JSONAttribute(default=dict)
    left: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    erasing_at = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()


class PreferencesRow(StageTable):
    """A `storage.preferences.StoredPreferences`."""

    class Meta(TableMeta):
        thing = "preferences"

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    preferences: JSONAttribute = JSONAttribute(default=dict)
    words: JSONAttribute = JSONAttribute(default=dict)
    updated_at = UnicodeAttribute()


class EndpointRow(StageTable):
    """A user's own endpoints: devices, webhooks, chats.

    part `channel#<channel>`  all of one channel, as JSON: a chunk of users is read by one request; `held`: how many
    part `log#<endpoint>#<time>`  one try of a delivery at one endpoint, for a month
    part `took#<endpoint>#<delivery>`  the endpoint has it
    """

    class Meta(TableMeta):
        thing = "endpoints"

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    endpoints: JSONAttribute = JSONAttribute(null=True)
    held: NumberAttribute = NumberAttribute(null=True)
    version: NumberAttribute = NumberAttribute(null=True)
    at = UnicodeAttribute(null=True)
    delivery_id = UnicodeAttribute(null=True)
    outcome = UnicodeAttribute(null=True)
    status: NumberAttribute = NumberAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)


class CapRow(StageTable):
    """The letters of a category that count against a cap: `taken` is `{notification id: epoch seconds}`. `user_id` is a
    user, or the owner's name of an address (`security.signing`). Under `account#<template>#<window>` are those
    about accounts that an address got: `letters` are their notification ids; under `run#<run id>` is the one letter of
    a campaign's run that an address gets; under `sole` is a `storage.sole_users.SoleUser`."""

    class Meta(TableMeta):
        thing = "caps"

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    category: UnicodeAttribute = UnicodeAttribute(range_key=True)
    taken: JSONAttribute = JSONAttribute(default=dict)
    version: NumberAttribute = NumberAttribute(default=0)
    letters: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, null=True)
    sole_user = UnicodeAttribute(null=True)
    since = UnicodeAttribute(null=True)
    until = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)


class ByChannelIndex(GlobalSecondaryIndex["SuppressionRow"]):
    """The suppressed addresses of a channel; one that was removed leaves the index."""

    class Meta:
        index_name = "by-channel"
        projection = AllProjection()

    listed_channel: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class SuppressionRow(StageTable):
    """A `storage.addresses.AddressRecord`. A row whose key begins with `user#` says that a user was erased; one whose
    key begins with `soft#` only counts soft bounces: `bounces` holds `<moment>#<notification id>`, so that an event
    told twice counts once."""

    class Meta(TableMeta):
        thing = "suppressions"

    address: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_channel = ByChannelIndex()
    listed_channel = UnicodeAttribute(null=True)
    shown = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    removed_at = UnicodeAttribute(null=True)
    erased_at = UnicodeAttribute(null=True)
    gone: JSONAttribute = JSONAttribute(null=True)
    said: JSONAttribute = JSONAttribute(null=True)
    version: NumberAttribute = NumberAttribute(default=0)
    trace: ListAttribute[Any] = ListAttribute(of=UnicodeAttribute, default=list)
    bounces: UnicodeSetAttribute = UnicodeSetAttribute(null=True)
    until_epoch = NumberAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)
