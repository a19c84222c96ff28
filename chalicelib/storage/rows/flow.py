"""What steers the workers at run time: switches of subsystems, what is asked of consumers, and limits of rate."""

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from chalicelib.states import SwitchState
from chalicelib.storage.dynamodb import StageTable, TableMeta


class SwitchRow(StageTable):
    """The state of one outside subsystem. Moments are epoch seconds, as conditions compare them."""

    class Meta(TableMeta):
        thing = "switches"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    state = UnicodeAttribute(default=SwitchState.CLOSED)
    by = UnicodeAttribute(null=True)
    reason = UnicodeAttribute(null=True)
    changed_at = NumberAttribute(null=True)
    failures = NumberAttribute(default=0)
    failed_at = NumberAttribute(null=True)
    refusals = NumberAttribute(null=True)  # in a row, of letters without a run (`flow.throttle.believed`)
    probe_at = NumberAttribute(null=True)
    probe_seconds = NumberAttribute(null=True)


class ConsumerRow(StageTable):
    """What people ask of the consumer of one queue; what is left out is as deployed."""

    class Meta(TableMeta):
        thing = "consumers"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    paused = BooleanAttribute(default=False)
    max_concurrency = NumberAttribute(null=True)
    batch_size = NumberAttribute(null=True)
    changed_at = NumberAttribute(null=True)
    by = UnicodeAttribute(null=True)


class LimitRow(StageTable):
    """A rate shared by all workers. `free_at` is the moment (epoch seconds) from which the next lease counts."""

    class Meta(TableMeta):
        thing = "limits"

    name: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    rate_per_second = NumberAttribute(null=True)
    free_at = NumberAttribute(null=True)
    factor = NumberAttribute(null=True)
    factor_at = NumberAttribute(null=True)


class CallRow(StageTable):
    """A call that names an Idempotency-Key. `body` is a digest of what was asked, `owner` the process at work until
    `busy_until` (epoch seconds), `answer` what it answered, sealed (`flow/idempotency.py`)."""

    class Meta(TableMeta):
        thing = "calls"

    call: UnicodeAttribute = UnicodeAttribute(hash_key=True)
    body = UnicodeAttribute()
    owner = UnicodeAttribute()
    busy_until = NumberAttribute()
    answer = UnicodeAttribute(null=True)
    expires_at_epoch = NumberAttribute()
