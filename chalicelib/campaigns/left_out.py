"""Which targets of a page get no letter of a run: recipients of other campaigns, and whoever shares an address with a
target before them. Called by the fan-out and the preview.
"""

from collections.abc import Sequence

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.sources import Target, notification_of
from chalicelib.storage.base import reaching_dynamodb
from chalicelib.storage.campaigns import RunRow
from chalicelib.storage.ledger import NOTIFICATION_PART, NotificationRow


def each_address_once(targets: Sequence[Target]) -> list[Target]:
    """The same targets. Of those with one email address all but the first are marked: they are targeted, and counted as
    `skipped(duplicate)` by `enrich`."""
    seen: set[str] = set()
    found = []
    for target in targets:
        key = same_address_key("email", target.email) if target.email else None
        if key is not None and key in seen:
            target = target._replace(recipient=target.recipient.model_copy(update={"duplicate": True}))
        elif key is not None:
            seen.add(key)
        found.append(target)
    return found


def excluded(targets: Sequence[Target], runs: Sequence[RunRow]) -> set[str]:
    """The notification ids of targets who were recipients of any of these runs: the same user, or the same address as
    on that run's list. Raises: UnavailableError (retryable)."""
    asked: dict[str, str] = {}
    for target in targets:
        one = target.recipient
        address = target.email
        for run in runs:
            if one.user_id is not None:
                asked[notification_of(run.run_id, user_id=one.user_id)] = one.notification_id
            if address is not None and run.spec["audience"].get("list_id") is not None:
                asked[notification_of(run.run_id, address=address)] = one.notification_id
    with reaching_dynamodb():
        keys = [(notification_id, NOTIFICATION_PART) for notification_id in asked]
        found = NotificationRow.batch_get(keys, attributes_to_get=["notification_id", "part", "kind"]) if keys else ()
        return {asked[row.notification_id] for row in found}
