"""Sends a user's collected letters as one.

Nothing twice and nothing lost: the content of a letter is fixed first, in one transaction that gives each row its batch
and its fate; the batch is the letter's idempotency key; the rows are deleted last. After a crash the same batch has the
same lines (ADR 0049).
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from chalicelib.clock import Clock, derived_id, rfc3339
from chalicelib.composed import Composed
from chalicelib.deliveries import Move, S
from chalicelib.errors import RenderError
from chalicelib.isolation import each, portions
from chalicelib.observability import Line, Work, log_failure
from chalicelib.pipeline.accept import Accept
from chalicelib.pipeline.digest_queue import DIGEST_CHANNEL, Collected, end_unreadable, waiting_for
from chalicelib.pipeline.jobs import DigestJob, key_of, read_job
from chalicelib.pipeline.letter_parts import in_language
from chalicelib.pipeline.requests import NotificationRequest, Recipient
from chalicelib.profiles.opt_outs import objection
from chalicelib.profiles.preferences import PreferenceStore
from chalicelib.reasons import Reason
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.template_store import TemplateStore
from chalicelib.storage.digest_queue import fix_batch, forget_collected
from chalicelib.storage.ledger import Ledger

TEMPLATE, CALLER = "collected", "digest"
MAX_LINES = 50
_LINES_BYTES = 100_000  # of JSON, of one letter: its context may have 128 KB
_MOST_CHARACTERS = 2000  # of a title, a text or a link


class Digest(Composed):
    """Sends digests."""

    accept: Accept
    templates: TemplateStore
    renderer: Renderer
    preferences: PreferenceStore
    ledger: Ledger
    clock: Clock

    def send(self, user_id: str) -> int:
        """Sends what is due; returns how many letters it was made of. Raises: UnavailableError (retryable)."""
        found, unreadable = waiting_for(user_id, until=rfc3339(self.clock()))
        end_unreadable(self.ledger, user_id, unreadable)
        batches: dict[str, list[_Fated]] = {}
        for one in found:
            if one.stored.batch is not None:
                batches.setdefault(one.stored.batch, []).append(_Fated(one, one.stored.fate or {}))
        fated = self._fated(user_id, [one for one in found if one.stored.batch is None])
        for portion in portions(fated, most=MAX_LINES, room=_LINES_BYTES, size=lambda one: len(json.dumps(one.fate))):
            ids = [one.id for one in portion]
            batch = derived_id("digest", user_id, *ids)
            fix_batch(user_id, batch, {one.id: one.fate for one in portion})
            batches[batch] = list(portion)
        return sum(self._send_batch(user_id, batch, some) for batch, some in batches.items())

    def _fated(self, user_id: str, found: Sequence[Collected]) -> list["_Fated"]:
        if not found:
            return []

        def unreadable(one: Collected | str, error: Exception) -> None:
            log_failure("digest", error, notification_id=None if isinstance(one, str) else one.stored.notification_id)

        wishes = each(lambda one: self.preferences.stored(one) or {}, [user_id], alone=unreadable)
        states = self.ledger.states([key_of(one.stored, one.stored.channels[0]) for one in found])
        waiting = {key.notification_id for key, state in states.items() if state.status == S.WAITING}
        fates: dict[str, Mapping[str, Any]] = {}
        for id_ in (one.stored.notification_id for one in found):
            fates[id_] = (
                {"reason": Reason.UNREADABLE, "failed": True} if id_ in waiting else {"reason": Reason.CANCELLED}
            )

        def decide(one: Collected) -> None:
            fates[one.stored.notification_id] = self._fate(one, wishes[0])

        each(decide, [one for one in found if wishes and one.stored.notification_id in waiting], alone=unreadable)
        return [_Fated(one, fates[one.stored.notification_id]) for one in found]

    def _fate(self, one: Collected, wish: Mapping[str, Any]) -> Mapping[str, Any]:
        if one.letter.is_over(self.clock()):
            return {"reason": Reason.EXPIRED}
        reason = objection(wish, category=one.letter.category, channel=DIGEST_CHANNEL, at=self.clock())
        if reason is not None:
            return {"reason": reason}
        try:
            return {"line": self._line(one)}
        except RenderError as error:
            return {"reason": error.reason, "failed": error.reason != Reason.NOTHING_TO_SAY, "rule": error.place}

    def _line(self, one: Collected) -> dict[str, str]:
        """The letter in one line: what a live notification would show, otherwise its subject. Raises: RenderError
        (permanent)."""
        letter = one.letter
        template = self.templates.get(letter.template, letter.template_version)
        locale, texts = in_language(letter.languages, template, one.stored.locale, letter.locale)
        parts = self.renderer.render(
            template,
            channel="live" if "live" in template.written_for else "email",
            locale=locale,
            context={**one.stored.context, **texts},
            layout=self.templates.layout(letter.layout),
        ).parts
        found = {
            "title": parts.get("title") or parts.get("subject", ""),
            "text": parts.get("body", ""),
            "url": parts.get("url", ""),
        }
        for text in found.values():
            text.encode()  # a template may hold lone surrogates
        return {name: text.strip()[:_MOST_CHARACTERS] for name, text in found.items()}

    def _send_batch(self, user_id: str, batch: str, found: Sequence["_Fated"]) -> int:
        kept = [one for one in found if "line" in one.fate]
        rule = None
        if kept:
            request = NotificationRequest(
                template=TEMPLATE,
                recipients=(Recipient(user_id=user_id),),
                context={"items": [one.fate["line"] for one in kept]},
            )
            inside = [one.collected.letter.category for one in kept]
            [accepted] = self.accept.accept(request, caller=CALLER, key=batch, inside=inside)
            rule = f"digest: notification {accepted.id}"
        self.ledger.move([move for one in found for move in one.closing(rule)])
        forget_collected(user_id, [one.id for one in found])
        return len(kept)


class _Fated(NamedTuple):
    """A letter, and its fate."""

    collected: Collected
    fate: Mapping[str, Any]

    @property
    def id(self) -> str:
        return self.collected.stored.notification_id

    def closing(self, rule: str | None) -> list[Move]:
        if "reason" not in self.fate:
            return self.collected.closing(Reason.IN_DIGEST, rule=rule)
        failed = self.fate.get("failed") is True
        return self.collected.closing(self.fate["reason"], failed=failed, rule=self.fate.get("rule"))


def digest_work(digest: Digest) -> Work:
    """The work of `functions/digest.py`."""

    def work(body: str) -> Line:
        return Line(counts={"collected": digest.send(read_job(DigestJob, body).user_id)})

    return work
