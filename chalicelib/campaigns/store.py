"""Campaigns as they are kept: the head, which changes, and every version ever saved, which does not."""

import json
from collections.abc import Iterable, Sequence
from typing import Any

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.campaigns.model import Campaign, State
from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.schemas import kept, recalled
from chalicelib.service_scope import EVERYTHING, NO_OTHERS, Sight, service_hand
from chalicelib.storage.cursor import read_cursor, write_cursor
from chalicelib.storage.dynamodb import dynamodb, find, reaching_dynamodb, save_if, update_if
from chalicelib.storage.rows.campaigns import HEAD_PART, ONE, VERSION_PREFIX, CampaignRow
from chalicelib.translation import restored, stored

_LISTED = "campaigns"
MAX_EVENTS = 100  # the newest ones: the head is read at every step of a campaign
_LONGEST_ID = 64  # of ours; DynamoDB refuses a whole request for one key that is too long


class CampaignStore:
    """The campaigns of one stage."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def add(
        self,
        spec: Campaign,
        *,
        by: str,
        id_: str | None = None,
        service: str | None = None,
        hands: frozenset[str] = NO_OTHERS,
    ) -> CampaignRow:
        """A new draft of a `service`; the one with this `id_` where there is one. `hands` stand behind `by`. Raises:
        UnavailableError (retryable)."""
        at = rfc3339(self._clock())
        row = CampaignRow(
            id_ or new_id(),
            HEAD_PART,
            listed=_LISTED,
            state="draft",
            spec=kept(spec),
            version=1,
            rate_per_second=spec.rate_per_second,
            publish_per_second=spec.publish_per_second,
            created_at=at,
            created_by=by,
            service=service,
            updated_at=at,
            updated_by=by,
            timeline=[_event(at, by, "draft")],
        )
        save_if(_version(row.id, spec, number=1, at=at, by=by, hands=hands), CampaignRow.id.does_not_exist())
        return row if save_if(row, CampaignRow.id.does_not_exist()) else self.get(row.id)

    def get(self, campaign_id: str, *, sight: Sight = EVERYTHING) -> CampaignRow:
        """As it is now. Raises: NotFoundError (permanent: there is none in `sight`), UnavailableError (retryable)."""
        head = find(CampaignRow, campaign_id, HEAD_PART)
        if head is None or not sight.has(head.service, by=head.created_by):
            raise NotFoundError(Phrase("there is no campaign {id}", id=campaign_id))
        return head

    def page(self, *, limit: int, cursor: str | None) -> tuple[list[CampaignRow], str | None]:
        """Newest first, and the cursor of the next page. Raises: InvalidError (permanent: a foreign cursor),
        UnavailableError (retryable)."""
        start = read_cursor(cursor, scope=_LISTED) if cursor else None
        with reaching_dynamodb():
            page = CampaignRow.by_creation.query(
                _LISTED, scan_index_forward=False, limit=limit, page_size=limit, last_evaluated_key=start
            )
            heads = self.some([row.id for row in page])
        following = page.last_evaluated_key
        return heads, write_cursor(following, scope=_LISTED) if following else None

    def some(self, ids: Sequence[str]) -> list[CampaignRow]:
        """Those of these that there are, in the same order; a hundred a request. Raises: UnavailableError
        (retryable)."""
        keys = [(one, HEAD_PART) for one in ids if len(one) <= _LONGEST_ID]
        with reaching_dynamodb():
            found = {row.id: row for row in CampaignRow.batch_get(keys, consistent_read=True)} if keys else {}
        return [found[one] for one in ids if one in found]

    def versions(self, campaign_id: str) -> list[CampaignRow]:
        """Every version, oldest first. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return list(
                CampaignRow.query(campaign_id, CampaignRow.part.startswith(VERSION_PREFIX), consistent_read=True)
            )

    def version(self, campaign_id: str, number: int) -> CampaignRow:
        """One version. Raises: NotFoundError (permanent), UnavailableError (retryable)."""
        row = find(CampaignRow, campaign_id, _part(number))
        if row is None:
            raise NotFoundError(
                Phrase("there is no version {version} of the campaign {campaign}", version=number, campaign=campaign_id)
            )
        return row

    def authors(self, head: CampaignRow) -> frozenset[str]:
        """Who wrote any version of it, and who stands behind them. Raises: UnavailableError (retryable)."""
        versions = self.versions(head.id)
        first = {service_hand(head.service)} if head.service else set()
        return frozenset(first.union(*({version.updated_by, *(version.hands or ())} for version in versions)))

    def edit(
        self,
        head: CampaignRow,
        spec: Campaign,
        *,
        by: str,
        hands: frozenset[str] = NO_OTHERS,
        extra: Sequence[Action] = (),
    ) -> None:
        """Saves the next version and makes it the head's, both or neither. Raises: ConflictError (permanent: somebody
        else changed it, or a run has begun), UnavailableError (retryable)."""
        at, number = rfc3339(self._clock()), int(head.version) + 1
        unchanged = (CampaignRow.version == int(head.version)) & (CampaignRow.state == head.state)
        if not head.open_runs:
            unchanged = unchanged & CampaignRow.open_runs.does_not_exist()
        changes = [
            CampaignRow.spec.set(kept(spec)),
            CampaignRow.version.set(number),
            CampaignRow.rate_per_second.set(spec.rate_per_second),
            CampaignRow.publish_per_second.set(spec.publish_per_second),
            CampaignRow.updated_at.set(at),
            CampaignRow.updated_by.set(by),
            *extra,
        ]
        version = _version(head.id, spec, number=number, at=at, by=by, hands=hands)
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=dynamodb()) as transaction:
                    transaction.save(version, condition=CampaignRow.id.does_not_exist())
                    transaction.update(head, actions=changes, condition=unchanged)
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
                raise _changed(self.get(head.id)) from error
            head.refresh(consistent_read=True)

    def enter(
        self,
        head: CampaignRow,
        state: State | None,
        *,
        only_from: Iterable[State],
        by: str,
        event: str | None = None,
        note: str | None = None,
        extra: Sequence[Action] = (),
        only_if: Condition | None = None,
    ) -> None:
        """Moves the campaign to a state (None: it stays), and says in its timeline who did what (default: the state)
        and why. Raises: ConflictError (permanent: its state forbids it), UnavailableError (retryable)."""
        entry = _event(rfc3339(self._clock()), by, event or state or "", note)
        noted = CampaignRow.timeline.set(CampaignRow.timeline.append([entry]))
        if len(head.timeline) >= MAX_EVENTS:
            noted = CampaignRow.timeline.set([*head.timeline, entry][-MAX_EVENTS:])
        condition: Condition = CampaignRow.state.is_in(*only_from)
        if only_if is not None:
            condition = condition & only_if
        moves: list[Action] = [CampaignRow.state.set(state)] if state else []
        self.update(head, [*moves, noted, *extra], condition)

    def update(self, head: CampaignRow, actions: Sequence[Action], condition: Condition) -> None:
        """One conditional change of the head, which shows the new state then. Raises: ConflictError (permanent),
        UnavailableError (retryable)."""
        if update_if(head, actions, condition):
            return
        raise _changed(self.get(head.id))

    def due(self, until: str) -> list[str]:
        """The campaigns whose next run is due. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return [row.id for row in CampaignRow.by_next_run.query(ONE, CampaignRow.next_run_at <= until)]


def last_event(head: CampaignRow) -> dict[str, Any]:
    """The newest entry of the timeline."""
    return _read(head.timeline[-1])


def events_of(head: CampaignRow) -> list[dict[str, Any]]:
    """The timeline, oldest first; a `note` of ours is a phrase."""
    return [_read(entry) for entry in head.timeline]


def _read(entry: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(entry)
    if (phrase := event.pop("phrase", None)) is not None:
        event["note"] = restored(phrase, text=None)
    return event


def spec_of(row: CampaignRow) -> Campaign:
    """What the row asks for. Raises: pydantic's ValidationError where newer code asks for more than this code knows."""
    return Campaign.model_validate(row.spec)


def shown_spec(row: CampaignRow) -> Campaign:
    """The same to be looked at alone, without what this code does not know."""
    return recalled(Campaign, row.spec)


def _version(campaign_id: str, spec: Campaign, *, number: int, at: str, by: str, hands: frozenset[str]) -> CampaignRow:
    return CampaignRow(
        campaign_id,
        _part(number),
        spec=kept(spec),
        version=number,
        updated_at=at,
        updated_by=by,
        hands=hands or None,
    )


def _changed(head: CampaignRow) -> ConflictError:
    return ConflictError(
        Phrase(
            "the campaign is {state}, version {version}: that forbids this; read it again",
            state=head.state,
            version=int(head.version),
        )
    )


def _part(number: int) -> str:
    return f"{VERSION_PREFIX}{number:06}"


def _event(at: str, by: str, event: str, note: str | None = None) -> str:
    entry: dict[str, Any] = {"at": at, "by": by, "event": event, **({"note": note} if note else {})}
    if (phrase := stored(note)) is not None:
        entry["phrase"] = phrase
    return json.dumps(entry, ensure_ascii=False, separators=(",", ":"))
