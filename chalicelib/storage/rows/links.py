"""Short links: one row a link. It belongs to one letter of one user, or is shared by the letters of a run."""

from zlib import crc32

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex, KeysOnlyProjection

from chalicelib.storage.dynamodb import StageTable, TableMeta

CAMPAIGN_SHARDS = 32  # a thousand letters a second with four links, each visited once: 250 writes a second on each


VISIT_PLACES = 4  # a thousand visits a second of a link that letters share: 250 writes a second on each


def visit_rows(code: str) -> list[str]:
    """The rows in which the visits of a link are counted that letters share."""
    return [f"{code}#{n}" for n in range(VISIT_PLACES)]


def campaign_shards(campaign_id: str) -> list[str]:
    """The partitions of the by-campaign-shard index for a campaign."""
    return [f"{campaign_id}#{n:02}" for n in range(CAMPAIGN_SHARDS)]


def campaign_shard(campaign_id: str, code: str) -> str:
    """The one of them in which a link stands."""
    return campaign_shards(campaign_id)[crc32(code.encode()) % CAMPAIGN_SHARDS]


class ByOwnerIndex(GlobalSecondaryIndex["LinkRow"]):
    """A user's links, for the export and the erasure."""

    class Meta:
        index_name = "by-user"
        projection = KeysOnlyProjection()

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByCampaignIndex(GlobalSecondaryIndex["LinkRow"]):
    """A campaign's links that were made before `by-campaign-shard`: one key took all of them, faster than a partition
    of DynamoDB does. Nothing is put here any more; it goes when the last of them has expired."""

    class Meta:
        index_name = "by-campaign"
        projection = AllProjection()

    campaign_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class ByCampaignShardIndex(GlobalSecondaryIndex["LinkRow"]):
    """A campaign's links, for its report, spread over partitions."""

    class Meta:
        index_name = "by-campaign-shard"
        projection = AllProjection()

    campaign_shard: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class LinkRow(StageTable):
    """`kind` is `confirm` or `short`. `user_id` is whose letter it is in: a user, or the owner of an address.
    `redirect_url` is the link's own target; without one a confirmation follows the setting. `visits` are people's,
    `first_visited_at` makes one of them unique, `bot_visits` are the rest. With a `scope` it is a link that the letters
    of a run, or of a template, share, and has no owner; with the kind `pattern` it only names what own links have in
    common. Rows of the kind `visits` stand beside a shared one. `anywhere`: its host needs not be allowed."""

    class Meta(TableMeta):
        thing = "links"

    code: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_user = ByOwnerIndex()
    by_campaign = ByCampaignIndex()
    by_campaign_shard = ByCampaignShardIndex()
    kind = UnicodeAttribute()
    user_id = UnicodeAttribute(null=True)
    email = UnicodeAttribute(null=True)
    redirect_url = UnicodeAttribute(null=True)
    notification_id = UnicodeAttribute(null=True)
    channel = UnicodeAttribute(null=True)
    campaign_id = UnicodeAttribute(null=True)  # of an older link; now it is in the shard
    campaign_shard = UnicodeAttribute(null=True)
    service = UnicodeAttribute(null=True)  # who asked for the letter (`service_scope`)
    created_at = UnicodeAttribute()
    valid_until = UnicodeAttribute()
    revoked_at = UnicodeAttribute(null=True)
    visits: NumberAttribute = NumberAttribute(default=0)
    bot_visits: NumberAttribute = NumberAttribute(default=0)
    first_visited_at = UnicodeAttribute(null=True)
    last_visited_at = UnicodeAttribute(null=True)
    confirmed_at = UnicodeAttribute(null=True)
    scope = UnicodeAttribute(null=True)
    pattern = UnicodeAttribute(null=True)  # the code under which an own link is counted in the results
    anywhere = BooleanAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)

    @property
    def campaign(self) -> str | None:
        """The campaign whose letter holds it."""
        return self.campaign_id or (self.campaign_shard.rpartition("#")[0] if self.campaign_shard else None)


class AllowanceRow(StageTable):
    """How often somebody did something in one window of time; `name` holds who, what, and the window's beginning."""

    class Meta(TableMeta):
        thing = "allowances"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    used: NumberAttribute = NumberAttribute(default=0)
    expires_at_epoch = NumberAttribute(null=True)
