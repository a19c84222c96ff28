"""Short links: one row a link, and a link belongs to one letter of one user, so that its counts are theirs."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.storage.base import StageTable, TableMeta


class ByOwnerIndex(GlobalSecondaryIndex["LinkRow"]):
    """A user's links, for the export and the erasure."""

    class Meta:
        index_name = "by-user"
        projection = KeysOnlyProjection()

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByCampaignIndex(GlobalSecondaryIndex["LinkRow"]):
    """A campaign's links, for its report."""

    class Meta:
        index_name = "by-campaign"
        projection = AllProjection()

    campaign_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class LinkRow(StageTable):
    """`kind` is `confirm` or `short`. `user_id` is whose letter it is in: a user, or the owner of an address.
    `redirect_url` is the link's own target; without one a confirmation follows the setting. `visits` are people's,
    `first_visited_at` makes one of them unique, `bot_visits` are the rest."""

    class Meta(TableMeta):
        thing = "links"

    code: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_user = ByOwnerIndex()
    by_campaign = ByCampaignIndex()
    kind = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    redirect_url = UnicodeAttribute(null=True)
    notification_id = UnicodeAttribute(null=True)
    channel = UnicodeAttribute(null=True)
    campaign_id = UnicodeAttribute(null=True)
    service = UnicodeAttribute(null=True)  # who asked for the letter (`control.services`)
    created_at = UnicodeAttribute()
    valid_until = UnicodeAttribute()
    revoked_at = UnicodeAttribute(null=True)
    visits: NumberAttribute = NumberAttribute(default=0)
    bot_visits: NumberAttribute = NumberAttribute(default=0)
    first_visited_at = UnicodeAttribute(null=True)
    last_visited_at = UnicodeAttribute(null=True)
    confirmed_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)


class AllowanceRow(StageTable):
    """How often somebody did something in one window of time; `name` holds who, what, and the window's beginning."""

    class Meta(TableMeta):
        thing = "allowances"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    used: NumberAttribute = NumberAttribute(default=0)
    expires_at_epoch = NumberAttribute(null=True)
