"""Which targets of a page get no letter of a run: recipients of other campaigns, and whoever shares an address with a
target before them.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.jobs import run_id
from chalicelib.campaigns.recipient_sources import Target, notification_of
from chalicelib.isolation import each
from chalicelib.storage.dynamodb import batch_read, raw_query, reaching_dynamodb
from chalicelib.storage.rows.campaigns import RunRow
from chalicelib.storage.rows.ledger import NOTIFICATION_PART, NotificationRow


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


def excluded(targets: Sequence[Target], campaigns: Sequence[str]) -> set[str]:
    """The notification ids of targets who were recipients of any run of these campaigns: the same user, or the same
    address as on that run's list. Raises: UnavailableError (retryable)."""
    runs = [run for one in campaigns for run in _runs_of(one)] if targets else []
    asked: dict[str, str] = {}
    for target in targets:
        one, address = target.recipient, target.email
        for name, has_addresses in runs:
            if one.user_id is not None:
                asked[notification_of(name, user_id=one.user_id)] = one.notification_id
            if address is not None and has_addresses:
                asked[notification_of(name, address=address)] = one.notification_id
    with reaching_dynamodb():
        keys = [(notification_id, NOTIFICATION_PART) for notification_id in asked]
        found = batch_read({NotificationRow: keys}, attributes=("notification_id",)) if keys else ()
        return {asked[item["notification_id"]["S"]] for _, item in found}


def _runs_of(campaign_id: str) -> list[tuple[str, bool]]:
    """Each by name, and whether it may have gone to addresses. The name follows from its key: those who got a run that
    cannot be read are known all the same."""
    with reaching_dynamodb():
        items = list(raw_query(RunRow, campaign_id))
    return [(run_id(campaign_id, item["scheduled_at"]["S"]), _may_have_addresses(item)) for item in items]


def _may_have_addresses(item: Mapping[str, Any]) -> bool:
    def has(one: Mapping[str, Any]) -> bool:
        return json.loads(one["spec"]["S"])["audience"].get("list_id") is not None

    return each(has, [item], alone=lambda *_: None) != [False]
