"""Stored campaigns: the head, which changes, and every version ever saved, which does not."""

from collections.abc import Collection, Sequence

from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, new_id, now, rfc3339
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.service_scope import EVERYTHING, NO_OTHERS, Sight, service_hand
from chalicelib.states import CampaignState as S
from chalicelib.states import state_word
from chalicelib.storage.campaign_head import (
    CampaignHead,
    CampaignVersion,
    HeadChanges,
    Spec,
    about_of,
    changed,
    event_entry,
    head_actions,
)
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import reaching_dynamodb, save_if, transaction, update_if
from chalicelib.storage.rows.campaigns import HEAD_PART, ONE, VERSION_PREFIX, CampaignRow
from chalicelib.storage.values import find, value_of

LISTED = "campaigns"
MAX_EVENTS = 100  # the newest ones: the head is read at every step of a campaign
_LONGEST_ID = 64  # of ours; DynamoDB refuses a whole request for one key that is too long


class Campaigns:
    """Every method raises: UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(
        self,
        spec: Spec,
        *,
        paces: tuple[float, float],
        by: str,
        id_: str | None = None,
        service: str | None = None,
        hands: frozenset[str] = NO_OTHERS,
        copy_of: CampaignHead | None = None,
    ) -> CampaignHead:
        """A new draft of a `service`, with the tags of what it is a copy of, or the existing one with this `id_`."""
        at = rfc3339(self._clock())
        row = CampaignRow(
            id_ or new_id(),
            HEAD_PART,
            listed=LISTED,
            desk=ONE,
            changed_at=rfc3339(now()),
            about=about_of(spec),
            tags=list(copy_of.tags) or None if copy_of else None,
            copied_from=copy_of.id if copy_of else None,
            state=S.DRAFT,
            spec=spec,
            version=1,
            rate_per_second=paces[0],
            publish_per_second=paces[1],
            created_at=at,
            created_by=by,
            service=service,
            updated_at=at,
            updated_by=by,
            timeline=[event_entry(at, by, S.DRAFT)],
        )
        save_if(_version_row(row.id, spec, number=1, at=at, by=by, hands=hands), CampaignRow.id.does_not_exist())
        return value_of(CampaignHead, row) if save_if(row, CampaignRow.id.does_not_exist()) else self.get(row.id)

    def get(self, campaign_id: str, *, sight: Sight = EVERYTHING) -> CampaignHead:
        """As of now. Raises: NotFoundError (permanent: there is none in `sight`)."""
        row = find(CampaignRow, campaign_id, HEAD_PART)
        if row is None or not sight.has(row.service, by=row.created_by):
            raise NotFoundError(Phrase("there is no campaign {id}", id=campaign_id))
        return value_of(CampaignHead, row)

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[CampaignHead], str | None]:
        """Newest first, and the cursor of the next page. Raises: InvalidError (permanent: a foreign cursor)."""
        start = read_cursor(cursor, scope=LISTED) if cursor else None
        with reaching_dynamodb():
            page = CampaignRow.by_creation.query(
                LISTED, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            heads = self.some([row.id for row in page])
        following = page.last_evaluated_key
        return heads, write_cursor(following, scope=LISTED) if following else None

    def some(self, ids: Sequence[str]) -> list[CampaignHead]:
        """Those of these that exist, in the same order."""
        keys = [(one, HEAD_PART) for one in ids if len(one) <= _LONGEST_ID]
        with reaching_dynamodb():
            found = {row.id: row for row in CampaignRow.batch_get(keys, consistent_read=True)} if keys else {}
        return [value_of(CampaignHead, found[one]) for one in ids if one in found]

    def versions(self, campaign_id: str) -> list[CampaignVersion]:
        """Every version, oldest first."""
        with reaching_dynamodb():
            rows = CampaignRow.query(campaign_id, CampaignRow.part.startswith(VERSION_PREFIX), consistent_read=True)
            return [value_of(CampaignVersion, row) for row in rows]

    def version(self, campaign_id: str, number: int) -> CampaignVersion:
        """One version. Raises: NotFoundError (permanent)."""
        row = find(CampaignRow, campaign_id, _part(number))
        if row is None:
            raise NotFoundError(
                Phrase("there is no version {version} of the campaign {campaign}", version=number, campaign=campaign_id)
            )
        return value_of(CampaignVersion, row)

    def authors(self, head: CampaignHead) -> frozenset[str]:
        """Who wrote any version of it, and who stands behind them."""
        first = {service_hand(head.service)} if head.service else set()
        return frozenset(first.union(*({one.updated_by, *one.hands} for one in self.versions(head.id))))

    def edit(
        self,
        head: CampaignHead,
        spec: Spec,
        *,
        paces: tuple[float, float],
        by: str,
        hands: frozenset[str] = NO_OTHERS,
        changes: HeadChanges,
    ) -> CampaignHead:
        """Saves the next version and makes it the head, both or neither. Raises: ConflictError (permanent: somebody
        else changed it, or a run has begun)."""
        at, number = rfc3339(self._clock()), head.version + 1
        unchanged = (CampaignRow.version == head.version) & (CampaignRow.state == head.state)
        if not head.open_runs:
            unchanged = unchanged & CampaignRow.open_runs.does_not_exist()
        actions = [
            *changed(),
            CampaignRow.spec.set(spec),
            CampaignRow.about.set(about_of(spec)),
            CampaignRow.version.set(number),
            CampaignRow.rate_per_second.set(paces[0]),
            CampaignRow.publish_per_second.set(paces[1]),
            CampaignRow.updated_at.set(at),
            CampaignRow.updated_by.set(by),
            *head_actions(changes),
        ]
        version = _version_row(head.id, spec, number=number, at=at, by=by, hands=hands)

        def write(writes: TransactWrite) -> None:
            writes.save(version, condition=CampaignRow.id.does_not_exist())
            writes.update(CampaignRow(head.id, HEAD_PART), actions=actions, condition=unchanged)

        if not transaction(write):
            raise _changed(self.get(head.id))
        return self.get(head.id)

    def enter(
        self,
        head: CampaignHead,
        state: S | None,
        *,
        only_from: Collection[S],
        by: str,
        event: str | None = None,
        note: str | None = None,
        changes: HeadChanges | None = None,
        same_version: bool = False,
        opening: str | None = None,
    ) -> CampaignHead:
        """Moves the campaign to a state (None: it stays), and out of the archive, and records in its timeline who did
        what (default: the state) and why. `opening` is recorded as an open run, and must be the only one. Raises:
        ConflictError (permanent: its state forbids it; with `same_version` also another version)."""
        entry = event_entry(rfc3339(self._clock()), by, event or state or "", note)
        noted = CampaignRow.timeline.set(CampaignRow.timeline.append([entry]))
        if len(head.timeline) >= MAX_EVENTS:
            noted = CampaignRow.timeline.set([*head.timeline, entry][-MAX_EVENTS:])
        actions: list[Action] = [
            *([CampaignRow.state.set(state), CampaignRow.archived_at.remove()] if state else []),
            noted,
            *changed(),
            *head_actions(changes or {}),
        ]
        condition: Condition = CampaignRow.state.is_in(*only_from)
        if same_version:
            condition = condition & (CampaignRow.version == head.version)
        if opening:
            actions.append(CampaignRow.open_runs.add({opening}))
            condition = condition & CampaignRow.open_runs.does_not_exist()
        row = CampaignRow(head.id, HEAD_PART)
        if not update_if(row, actions, condition):
            raise _changed(self.get(head.id))
        return value_of(CampaignHead, row)

    def due(self, until: str) -> list[str]:
        """The ids of the campaigns whose next run is due."""
        with reaching_dynamodb():
            return [row.id for row in CampaignRow.by_next_run.query(ONE, CampaignRow.next_run_at <= until)]

    def plan_next(self, head: CampaignHead, following: str | None) -> None:
        """After due runs: when the next one is, or (None) that there is none, unless another process has planned it."""
        row, same = CampaignRow(head.id, HEAD_PART), CampaignRow.next_run_at == head.next_run_at
        if following is not None:
            update_if(row, [CampaignRow.next_run_at.set(following), *changed()], same)
            return
        planned = update_if(row, [CampaignRow.next_run_at.remove(), CampaignRow.due.remove(), *changed()], same)
        if not planned or (row.state == S.SCHEDULED and not row.open_runs):
            idle = (CampaignRow.state == S.SCHEDULED) & CampaignRow.open_runs.does_not_exist()
            over = idle & CampaignRow.next_run_at.does_not_exist()
            update_if(row, [CampaignRow.state.set(S.COMPLETED), *changed()], over)

    def add_refusals(self, campaign_id: str, n: int, below: int) -> float | None:
        """Counts letters that were refused in a row; returns the count, or None, with nothing done, if it is not
        `below`."""
        row, count = CampaignRow(campaign_id, HEAD_PART), CampaignRow.refusals
        room = CampaignRow.state.exists() & (count.does_not_exist() | (count < below))
        return float(row.refusals or 0) if update_if(row, [count.add(n)], room) else None

    def reset_refusals(self, campaign_id: str) -> None:
        """A letter was accepted."""
        count = CampaignRow.refusals
        update_if(CampaignRow(campaign_id, HEAD_PART), [count.set(0)], CampaignRow.state.exists() & (count > 0))


def _version_row(campaign_id: str, spec: Spec, *, number: int, at: str, by: str, hands: frozenset[str]) -> CampaignRow:
    return CampaignRow(
        campaign_id,
        _part(number),
        spec=spec,
        version=number,
        updated_at=at,
        updated_by=by,
        hands=hands or None,
    )


def _changed(head: CampaignHead) -> ConflictError:
    return ConflictError(
        Phrase(
            "the campaign is {state}, version {version}: that forbids this; read it again",
            state=state_word(head.state),
            version=head.version,
        )
    )


def _part(number: int) -> str:
    return f"{VERSION_PREFIX}{number:06}"
