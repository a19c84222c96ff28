"""media: one row a picture of the library, by the digest of what was uploaded."""

from pynamodb.attributes import NumberAttribute, UnicodeAttribute
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from chalicelib.storage.dynamodb import JSONAttribute, StageTable, TableMeta


class MediaByCreationIndex(GlobalSecondaryIndex["MediaRow"]):
    """All pictures, newest last. There are thousands at most: one partition carries them."""

    class Meta:
        index_name = "by-creation"
        projection = AllProjection()

    listed: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    created_at: UnicodeAttribute = UnicodeAttribute(range_key=True)


class MediaRow(StageTable):
    """A picture. `words` is what it is found by; sizes are those of the prepared pictures, where there are any. Of a
    deleted one the row stays, without `listed`: to delete it again succeeds."""

    class Meta(TableMeta):
        thing = "media"

    id: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    by_creation = MediaByCreationIndex()
    listed = UnicodeAttribute(null=True)
    deleted_at = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    created_by = UnicodeAttribute()
    title = UnicodeAttribute()
    alt: JSONAttribute = JSONAttribute()
    words = UnicodeAttribute()
    kind = UnicodeAttribute()
    state = UnicodeAttribute()
    problem = UnicodeAttribute(null=True)
    problem_phrase: JSONAttribute = JSONAttribute(null=True)
    ending = UnicodeAttribute(null=True)
    content_type = UnicodeAttribute(null=True)
    width = NumberAttribute(null=True)
    height = NumberAttribute(null=True)
    size_bytes = NumberAttribute(null=True)
    width_2x = NumberAttribute(null=True)
    height_2x = NumberAttribute(null=True)
    size_bytes_2x = NumberAttribute(null=True)
