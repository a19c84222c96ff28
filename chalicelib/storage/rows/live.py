"""What the live side keeps: open connections, the persons behind them, the names in use, tickets and inboxes.

A person is `user#<id>` or `guest#<connection id>`. Every list that must be right at once is read consistently from a
table's own key: an index would lag behind a closed connection.
"""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute, UnicodeSetAttribute

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta
from chalicelib.storage.rows.links import AllowanceRow


class ConnectionRow(StageTable):
    """One WebSocket. `endpoint` is the management address that it came through; `opened_at` is unset until the gateway
    has let the client in: nothing may be posted before. `network` is where a guest comes from."""

    class Meta(TableMeta):
        thing = "live-connections"

    connection_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    person: UnicodeAttribute = UnicodeAttribute()
    endpoint = UnicodeAttribute()
    format = UnicodeAttribute()
    network = UnicodeAttribute(null=True)
    connected_at = UnicodeAttribute()
    opened_at = UnicodeAttribute(null=True)
    greeted_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute()


class PersonRow(StageTable):
    """One person: the connections, the name in the chat and what it is compared by, who is blocked, and the state of
    the limits. A set that becomes empty is no attribute any more (DynamoDB).

    `bar#…`, `answer#…` and `count#…` are no persons: until when guests of a network, or of a name there, are barred;
    until when a guest is no stranger to somebody; what guests did together (`GuestCountRow`)."""

    class Meta(TableMeta):
        thing = "live-people"

    person: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    connections: UnicodeSetAttribute = UnicodeSetAttribute(null=True)
    name = UnicodeAttribute(null=True)
    name_keys: JSONAttribute = JSONAttribute(null=True)
    blocked: UnicodeSetAttribute = UnicodeSetAttribute(null=True)
    limits: JSONAttribute = JSONAttribute(null=True)
    limits_version = NumberAttribute(null=True)
    barred_until_epoch = NumberAttribute(null=True)
    bars = NumberAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)


class GuestCountRow(AllowanceRow):
    """How often guests did something in one window of time. Beside the people: the WebSocket's handlers reach no other
    allowance."""

    class Meta(TableMeta):
        thing = "live-people"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True, attr_name="person")


class NameRow(StageTable):
    """A name in use: three rows, one for each way of comparing names. `shard` spreads the list of those present
    over partitions; the other rows lie beside it, in shards of their own."""

    class Meta(TableMeta):
        thing = "live-names"

    shard: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    key: UnicodeAttribute = UnicodeAttribute(range_key=True)
    name = UnicodeAttribute()
    person: UnicodeAttribute = UnicodeAttribute()


class TicketRow(StageTable):
    """A ticket to connect once as a user, kept only as a hash."""

    class Meta(TableMeta):
        thing = "live-tickets"

    ticket_hash: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    user_id = UnicodeAttribute()
    expires_at_epoch: NumberAttribute = NumberAttribute()


class InboxRow(StageTable):
    """One user's inbox is one item collection.

    part `head`  the last cursor, the cursor up to which all is read, the count of the unread
    part `entry#<cursor>`  one notification; cursors are dense: 1, 2, 3 …
    part `id#<notification id>`  where that notification lies: it is put once, however often it is sent
    """

    class Meta(TableMeta):
        thing = "live-inbox"

    user_id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    part: UnicodeAttribute = UnicodeAttribute(range_key=True)
    last: NumberAttribute = NumberAttribute(null=True)
    read_through: NumberAttribute = NumberAttribute(null=True)
    unread: NumberAttribute = NumberAttribute(null=True)
    cursor: NumberAttribute = NumberAttribute(null=True)
    content: JSONAttribute = JSONAttribute(null=True)
    created_at = UnicodeAttribute(null=True)
    read_at = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute(null=True)
