"""What is changed of a campaign beside its content and its state: its tags, and whether it is put away; and how a draft
is deleted."""

from collections.abc import Collection, Sequence
from datetime import timedelta

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, now, rfc3339
from chalicelib.states import CampaignState as S
from chalicelib.storage.campaign_head import CampaignHead, changed
from chalicelib.storage.dynamodb import reaching_dynamodb, transaction, update_if
from chalicelib.storage.rows.campaigns import GONE_PART, HEAD_PART, VERSION_PREFIX, CampaignRow
from chalicelib.storage.values import value_of

GONE_KEPT = timedelta(days=2)  # much longer than any process keeps its list without reading all of it again


class CampaignShelf:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def tag(self, head: CampaignHead, tags: Sequence[str]) -> CampaignHead | None:
        """Replaces its tags; None, with nothing done: others have changed them."""
        written = CampaignRow.tags.set(list(tags)) if tags else CampaignRow.tags.remove()
        same = CampaignRow.tags == list(head.tags) if head.tags else CampaignRow.tags.does_not_exist()
        return self._update(head.id, written, CampaignRow.state.exists() & same)

    def put_away(self, campaign_id: str, *, only_from: Collection[S]) -> CampaignHead | None:
        """Out of the list, if it is in one of these states and nothing of it runs; else None, with nothing done."""
        idle = CampaignRow.state.is_in(*only_from) & CampaignRow.open_runs.does_not_exist()
        return self._update(campaign_id, CampaignRow.archived_at.set(rfc3339(self._clock())), idle)

    def bring_back(self, campaign_id: str) -> CampaignHead | None:
        """Into the list again; None: there is no such campaign."""
        return self._update(campaign_id, CampaignRow.archived_at.remove(), CampaignRow.state.exists())

    def delete_draft(self, head: CampaignHead) -> bool:
        """Removes it with all its versions, if it is this version of a draft that never ran; else False, with nothing
        done."""
        unused = CampaignRow.newest_run.does_not_exist() & CampaignRow.open_runs.does_not_exist()
        same = CampaignRow.version == head.version
        until = int((now() + GONE_KEPT).timestamp())
        mark = [*changed(), CampaignRow.expires_at_epoch.set(until)]  # whoever keeps the list learns that it is gone

        def write(writes: TransactWrite) -> None:
            writes.delete(CampaignRow(head.id, HEAD_PART), condition=CampaignRow.state.is_in(S.DRAFT) & same & unused)
            writes.update(CampaignRow(head.id, GONE_PART), actions=mark)

        if not transaction(write):
            return False
        self.sweep(head.id)
        return True

    def sweep(self, campaign_id: str) -> None:
        """Completes a deletion that was interrupted: the versions of what has no head."""
        with reaching_dynamodb():
            rows = CampaignRow.query(campaign_id, attributes_to_get=["id", "part"], consistent_read=True)
            parts = [row.part for row in rows]
        if GONE_PART not in parts or HEAD_PART in parts:
            return
        with reaching_dynamodb(), CampaignRow.batch_write() as batch:
            for part in parts:
                if part.startswith(VERSION_PREFIX):
                    batch.delete(CampaignRow(campaign_id, part))

    def _update(self, campaign_id: str, action: Action, condition: Condition) -> CampaignHead | None:
        row = CampaignRow(campaign_id, HEAD_PART)
        return value_of(CampaignHead, row) if update_if(row, [action, *changed()], condition) else None
