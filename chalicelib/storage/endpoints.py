"""The endpoints that users register for themselves: devices, webhooks, chats."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict
from pynamodb.expressions.update import Action

from chalicelib.clock import Clock, new_id, rfc3339
from chalicelib.errors import ConflictError, NotFoundError, Phrase
from chalicelib.etags import Seen
from chalicelib.reasons import Reason
from chalicelib.schemas import recalled
from chalicelib.storage.dynamodb import reaching_dynamodb, update_if
from chalicelib.storage.rows.people import EndpointRow

MAX_ENDPOINTS = 20  # of one user on one channel
LOG_PAGE = 50
_CHANGE_TRIES = 5
_KEPT = timedelta(days=30)
_CHANNEL, _LOG, _TOOK = "channel#", "log#", "took#"

EndpointChannel = Literal["push", "webhook", "chat"]


class Endpoint(BaseModel):
    """One endpoint. `target` is where to send (an ARN, a URL), with `secret` a secret of its owner's; `shown` is what
    people may see of it."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)

    id: str
    channel: EndpointChannel
    name: str | None = None
    target: str
    shown: str
    secret: str | None = None
    enabled: bool = True
    off_reason: str | None = None
    created_at: str

    @property
    def visible(self) -> dict[str, Any]:
        """Everything except its target and its owner's secret."""
        return self.model_dump(exclude={"target", "secret"})


class Endpoints:
    """Users' endpoints. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def usable(self, channel: str, user_ids: Iterable[str]) -> Mapping[str, Sequence[Endpoint]]:
        """Active endpoints of those who have any; one request per hundred users."""
        keys = [(user_id, _CHANNEL + channel) for user_id in dict.fromkeys(user_ids)]
        with reaching_dynamodb():
            rows = EndpointRow.batch_get(keys, consistent_read=True) if keys else ()
            known = {row.user_id: [one for one in _read(row) if one.enabled] for row in rows}
        return {user_id: endpoints for user_id, endpoints in known.items() if endpoints}

    def of(self, user_id: str) -> list[Endpoint]:
        """All of a user, the oldest first."""
        with reaching_dynamodb():
            rows = EndpointRow.query(user_id, EndpointRow.part.startswith(_CHANNEL), consistent_read=True)
            found = [one for row in rows for one in _read(row)]
        return sorted(found, key=lambda one: one.created_at)

    def channels_of(self, user_id: str) -> frozenset[str]:
        """The channels on which a user has any. It does not read their targets, which the public pages may not."""
        keys = EndpointRow.part.startswith(_CHANNEL)
        wanted = ["part", "held"]
        with reaching_dynamodb():
            rows = EndpointRow.query(user_id, keys, consistent_read=True, attributes_to_get=wanted)
            # Of a row from before `held` was counted it is not known, and rarely none.
            return frozenset(row.part.removeprefix(_CHANNEL) for row in rows if row.held is None or row.held)

    def get(self, user_id: str, endpoint_id: str) -> Endpoint:
        """One of them. Raises: NotFoundError (permanent)."""
        for one in self.of(user_id):
            if one.id == endpoint_id:
                return one
        raise NotFoundError(Phrase("there is no endpoint {id}", id=endpoint_id))

    def add(
        self,
        user_id: str,
        channel: EndpointChannel,
        *,
        target: str,
        shown: str,
        name: str | None,
        secret: str | None = None,
    ) -> Endpoint:
        """A new endpoint; one with the same target is the same, and is switched on. Raises: ConflictError (permanent:
        there are too many)."""
        made = Endpoint(
            id=new_id(),
            channel=channel,
            name=name,
            target=target,
            shown=shown,
            secret=secret,
            created_at=rfc3339(self._clock()),
        )

        def with_it(before: list[Endpoint]) -> list[Endpoint]:
            known = next((one for one in before if one.target == target), None)
            if known is not None:
                on = known.model_copy(update={"enabled": True, "off_reason": None, "name": name or known.name})
                return [on if one is known else one for one in before]
            if len(before) >= MAX_ENDPOINTS:
                raise ConflictError(
                    Phrase(
                        "expected at most {most} endpoints of the channel {channel}: delete one",
                        most=MAX_ENDPOINTS,
                        channel=channel,
                    )
                )
            return [*before, made]

        return next(one for one in self._change(user_id, channel, with_it) if one.target == target)

    def switch(
        self,
        channel: str,
        user_id: str,
        endpoint_id: str,
        *,
        on: bool,
        reason: str | None = None,
        seen: Seen | None = None,
    ) -> Endpoint:
        """Switches one on or off. Raises: NotFoundError, ChangedError (permanent), ConflictError."""
        why = None if on else reason or Reason.BY_HAND

        def switched(before: list[Endpoint]) -> list[Endpoint]:
            _require(seen, before, endpoint_id)
            changed = {"enabled": on, "off_reason": why}
            return [one.model_copy(update=changed) if one.id == endpoint_id else one for one in before]

        for one in self._change(user_id, channel, switched):
            if one.id == endpoint_id:
                return one
        raise NotFoundError(Phrase("there is no endpoint {id}", id=endpoint_id))

    def forget(self, channel: str, user_id: str, endpoint_id: str, *, seen: Seen | None = None) -> None:
        """Removes one; a missing one is fine. Raises: ChangedError (permanent), ConflictError."""

        def without_it(before: list[Endpoint]) -> list[Endpoint]:
            _require(seen, before, endpoint_id)
            return [one for one in before if one.id != endpoint_id]

        self._change(user_id, channel, without_it)

    def erase(self, user_id: str) -> None:
        """Deletes all of a user's, with the logs."""
        with reaching_dynamodb():
            rows = list(EndpointRow.query(user_id))
            with EndpointRow.batch_write() as batch:
                for row in rows:
                    batch.delete(row)

    def note(self, user_id: str, endpoint_id: str, *, delivery_id: str, outcome: str, status: int | None) -> None:
        """Adds a line to the endpoint's log."""
        at = self._clock()
        line: dict[str, Any] = {
            "at": rfc3339(at),
            "delivery_id": delivery_id,
            "outcome": outcome,
            "status": status,
            "expires_at_epoch": int((at + _KEPT).timestamp()),
        }
        with reaching_dynamodb(), EndpointRow.batch_write() as batch:
            batch.save(EndpointRow(user_id, f"{_LOG}{endpoint_id}#{line['at']}", **line))
            if outcome == "accepted":
                batch.save(EndpointRow(user_id, f"{_TOOK}{endpoint_id}#{delivery_id}", **line))

    def took(self, user_id: str, endpoint_ids: Sequence[str], *, delivery_id: str) -> frozenset[str]:
        """Those that have accepted a delivery."""
        keys = [(user_id, f"{_TOOK}{one}#{delivery_id}") for one in endpoint_ids]
        with reaching_dynamodb():
            return frozenset(row.part.split("#")[1] for row in EndpointRow.batch_get(keys, consistent_read=True))

    def log(self, user_id: str, endpoint_id: str) -> list[dict[str, Any]]:
        """The latest attempts at an endpoint, newest first."""
        with reaching_dynamodb():
            rows = EndpointRow.query(
                user_id,
                EndpointRow.part.startswith(f"{_LOG}{endpoint_id}#"),
                scan_index_forward=False,
                limit=LOG_PAGE,
            )
            return [
                {
                    "at": row.at,
                    "delivery_id": row.delivery_id,
                    "outcome": row.outcome,
                    "status": int(row.status) if row.status else None,
                }
                for row in rows
            ]

    def _change(
        self, user_id: str, channel: str, change: Callable[[list[Endpoint]], list[Endpoint]]
    ) -> Sequence[Endpoint]:
        """Applies `change` to the current row, so that two simultaneous changes are both kept."""
        for _ in range(_CHANGE_TRIES):
            key = (user_id, _CHANNEL + channel)
            with reaching_dynamodb():
                before = next(iter(EndpointRow.batch_get([key], consistent_read=True)), None)
            changed = change(_read(before) if before else [])
            version = int(before.version or 0) if before else 0
            unchanged = EndpointRow.version == version if before else EndpointRow.user_id.does_not_exist()
            actions: list[Action] = [
                EndpointRow.endpoints.set([one.model_dump(mode="json") for one in changed]),
                EndpointRow.held.set(len(changed)),
                EndpointRow.version.set(version + 1),
            ]
            if update_if(EndpointRow(*key), actions, unchanged):
                return changed
        raise ConflictError(Phrase("these endpoints are being changed by others; try again"))


def _require(seen: Seen | None, before: Iterable[Endpoint], endpoint_id: str) -> None:
    if seen is not None:
        found = next((one.visible for one in before if one.id == endpoint_id), None)
        seen.require(found, what=Phrase("the endpoint {id}", id=endpoint_id))


def _read(row: EndpointRow) -> list[Endpoint]:
    return [recalled(Endpoint, one) for one in row.endpoints or ()]
