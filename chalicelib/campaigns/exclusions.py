"""Which targets of a page get no letter in a run: recipients of other campaigns, and targets that share an address with
an earlier one."""

from collections.abc import Sequence

from chalicelib.addresses import same_address_key
from chalicelib.campaigns.held_chunks import notification_of
from chalicelib.campaigns.recipient_sources import Target
from chalicelib.storage.campaign_recipients import known_notifications
from chalicelib.storage.runs import Runs


def each_address_once(targets: Sequence[Target]) -> list[Target]:
    """The same targets. Of those with the same email address all but the first are marked: they are targeted, and
    `enrich` counts them as `skipped(duplicate)`."""
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


def excluded(targets: Sequence[Target], campaigns: Sequence[str], *, runs: Runs) -> set[str]:
    """The notification ids of targets who were recipients of any run of these campaigns: the same user, or the same
    address as on that run's list. Raises: UnavailableError (retryable)."""
    known = [run for one in campaigns for run in runs.recipients(one)] if targets else []
    asked: dict[str, str] = {}
    for target in targets:
        one, address = target.recipient, target.email
        for name, has_addresses in known:
            if one.user_id is not None:
                asked[notification_of(name, user_id=one.user_id)] = one.notification_id
            if address is not None and has_addresses:
                asked[notification_of(name, address=address)] = one.notification_id
    return {asked[one] for one in known_notifications(asked)}
