"""Sends what was collected for a user as one letter. `collected.py` finds who is due, the worker `digest` sends.

Nothing twice and nothing lost: what goes into a letter is fixed first, in one transaction that gives each row its batch
and its fate; the batch is the idempotency key of the letter; the rows go last. Whoever dies between finds the same
batch with the same lines.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pynamodb.exceptions import TransactWriteError
from pynamodb.expressions.update import Action
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, derived_id, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.errors import RenderError, UnavailableError
from chalicelib.isolation import each
from chalicelib.observability import log_failure
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.collected import closing, delete_rows, end_unreadable, rows_of
from chalicelib.pipeline.digest_queue import DIGEST_CHANNEL
from chalicelib.pipeline.jobs import LetterSpec, portions
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.profiles.preferences import PreferenceStore, objection
from chalicelib.reasons import Reason
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.schemas import recalled
from chalicelib.storage.dynamodb import dynamodb, reaching_dynamodb
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.rows.digests import DigestRow

TEMPLATE, CALLER = "collected", "digest"
MAX_LINES = 50
_LINES_BYTES = 100_000  # of JSON, of one letter: its context may have 128 KB
_MOST_CHARACTERS = 2000  # of a title, a text or a link


class Digest:
    """The digests of one stage."""

    def __init__(
        self,
        *,
        accept: Accept,
        templates: TemplateStore,
        renderer: Renderer,
        preferences: PreferenceStore,
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._accept = accept
        self._templates = templates
        self._renderer = renderer
        self._preferences = preferences
        self._ledger = ledger
        self._clock = clock

    def send(self, user_id: str) -> int:
        """Sends what is due; how many letters it was made of. Raises: UnavailableError (retryable)."""
        until, sent = rfc3339(self._clock()), 0
        found = rows_of(user_id, until=until)
        end_unreadable(self._ledger, found)
        rows = found.rows
        fated = self._fated(user_id, [row for row in rows if row.batch is None])
        for portion in portions(fated, most=MAX_LINES, room=_LINES_BYTES, size=lambda row: len(json.dumps(row.fate))):
            self._fix(user_id, portion)
        for batch in dict.fromkeys(str(row.batch) for row in rows):
            sent += self._send_batch(user_id, batch, [row for row in rows if row.batch == batch])
        return sent

    def _fated(self, user_id: str, rows: Sequence[DigestRow]) -> Sequence[DigestRow]:
        if not rows:
            return rows

        def unreadable(one: DigestRow | str, error: Exception) -> None:
            log_failure("digest", error, notification_id=None if isinstance(one, str) else one.notification_id)

        wishes = each(lambda one: self._preferences.stored(one) or {}, [user_id], alone=unreadable)
        found = self._ledger.states([DeliveryKey(row.notification_id, row.channels[0]) for row in rows])
        waiting = {key.notification_id for key, one in found.items() if one.status == DeliveryStatus.WAITING}
        for row in rows:
            strange = {"reason": Reason.UNREADABLE, "failed": True}
            row.fate = strange if row.notification_id in waiting else {"reason": Reason.CANCELLED}

        def decide(row: DigestRow) -> None:
            row.fate = self._fate(row, wishes[0])

        each(decide, [row for row in rows if wishes and row.notification_id in waiting], alone=unreadable)
        return rows

    def _fix(self, user_id: str, rows: Sequence[DigestRow]) -> None:
        batch = derived_id("digest", user_id, *(row.notification_id for row in rows))
        for row in rows:
            row.batch = batch
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=dynamodb()) as transaction:
                    for row in rows:
                        free = DigestRow.user_id.exists() & DigestRow.batch.does_not_exist()
                        actions: list[Action] = [DigestRow.batch.set(row.batch), DigestRow.fate.set(row.fate)]
                        transaction.update(row, actions=actions, condition=free)
            except TransactWriteError as error:
                raise UnavailableError("another worker has begun this digest") from error

    def _fate(self, row: DigestRow, wish: Mapping[str, Any]) -> dict[str, Any]:
        letter = recalled(LetterSpec, row.letter)
        if letter.is_over(self._clock()):
            return {"reason": Reason.EXPIRED}
        reason = objection(wish, category=letter.category, channel=DIGEST_CHANNEL, at=self._clock())
        if reason is not None:
            return {"reason": reason}
        try:
            return {"line": self._line(row, letter)}
        except RenderError as error:
            return {"reason": error.reason, "failed": error.reason != Reason.NOTHING_TO_SAY, "rule": error.place}

    def _line(self, row: DigestRow, letter: LetterSpec) -> dict[str, str]:
        """The letter in one line: what a live notification would show, else its subject. Raises: RenderError
        (permanent)."""
        template = self._templates.get(letter.template, letter.template_version)
        channel = "live" if "live" in template.written_for else "email"
        locale, layout = template.choose_locale(row.locale, letter.locale), self._templates.layout(letter.layout)
        parts = self._renderer.render(
            template, channel=channel, locale=locale, context=row.context, layout=layout
        ).parts
        found = {
            "title": parts.get("title") or parts.get("subject", ""),
            "text": parts.get("body", ""),
            "url": parts.get("url", ""),
        }
        for text in found.values():
            text.encode()  # a template may hold halves of characters
        return {name: text.strip()[:_MOST_CHARACTERS] for name, text in found.items()}

    def _send_batch(self, user_id: str, batch: str, rows: Sequence[DigestRow]) -> int:
        kept = [row for row in rows if "line" in (row.fate or {})]
        rule = None
        if kept:
            request = NotificationRequest(
                template=TEMPLATE,
                recipients=(Recipient(user_id=user_id),),
                context={"items": [row.fate["line"] for row in kept]},
            )
            inside = [recalled(LetterSpec, row.letter).category for row in kept]
            [accepted] = self._accept.accept(request, caller=CALLER, key=batch, inside=inside)
            rule = f"digest: notification {accepted.id}"
        self._ledger.move([move for row in rows for move in _closing(row, rule)])
        delete_rows(rows)
        return len(kept)


def _closing(row: DigestRow, rule: str | None) -> list[Move]:
    fate = row.fate or {}
    if "reason" not in fate:
        return closing(row, Reason.IN_DIGEST, rule=rule)
    return closing(row, fate["reason"], failed=fate.get("failed") is True, rule=fate.get("rule"))
