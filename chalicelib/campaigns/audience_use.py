"""What the audience of an unfinished campaign uses, a list or a segment, stays."""

from collections.abc import Callable

from chalicelib.campaigns.audience import Audience
from chalicelib.campaigns.model import shown_spec
from chalicelib.errors import ConflictError, Phrase
from chalicelib.service_scope import Sight
from chalicelib.storage.campaigns import Campaigns
from chalicelib.storage.unfinished_campaigns import unfinished_campaigns


def refuse_used(
    uses: Callable[[Audience], bool],
    *,
    campaigns: Campaigns,
    sight: Sight,
    by_known: Callable[[str], Phrase],
    by_others: Phrase,
) -> None:
    """`by_known` says it with the name of a campaign in sight, `by_others` without. Raises: ConflictError (permanent),
    UnavailableError (retryable)."""
    for head in unfinished_campaigns(campaigns):
        spec = shown_spec(head)
        if uses(spec.audience):
            known = sight.has(head.service, by=head.created_by)
            raise ConflictError(by_known(spec.name) if known else by_others)
