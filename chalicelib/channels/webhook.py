"""Webhooks: a signed POST to each endpoint that the user has registered, by "Standard Webhooks" (standardwebhooks.com):
`webhook-id`, `webhook-timestamp`, `webhook-signature`.

The id is the same at every attempt, and a receiver drops what it knows, so anything that has not certainly arrived is
simply sent again. An endpoint that has accepted a delivery does not get it again because another one failed; each
attempt is noted in the endpoint's log. 410 switches an endpoint off.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import TYPE_CHECKING

from chalicelib.channels.port import BEST_FIRST, ChannelParts, Message, Outcome, Verdict, send_to_endpoints
from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.reasons import Reason, ReasonFamily
from chalicelib.storage.endpoints import Endpoint, Endpoints

if TYPE_CHECKING:
    from chalicelib.security.outbound_http import HttpReply

    Post = Callable[[str, bytes, Mapping[str, str]], HttpReply]

# After a lost reply it may be sent again, too: the receiver recognises it by its id.
_FINAL = frozenset({Reason.PRIVATE_ADDRESS, Reason.PLAIN_HTTP})


class WebhookChannel:
    """A message's address is the user's id."""

    name = "webhook"
    batch_size = 10

    def __init__(self, post: "Post", *, hooks: Endpoints, clock: Clock) -> None:
        self._post = post
        self._hooks = hooks
        self._clock = clock

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        return send_to_endpoints(messages, lambda users: self._hooks.usable(self.name, users), self._send_one)

    def _send_one(self, message: Message, hooks: Sequence[Endpoint]) -> Outcome:
        outcomes = [self._deliver(message, hook) for hook in self._left(message, hooks)]
        # As long as one may still accept it, the delivery continues, without those that have it.
        waiting = [outcome for outcome in outcomes if outcome.verdict is Verdict.NOT_ACCEPTED]
        if waiting or not outcomes:
            return waiting[0] if waiting else Outcome(Verdict.ACCEPTED, provider_id=message.delivery_id)
        return min(outcomes, key=lambda outcome: BEST_FIRST.index(outcome.verdict))

    def _left(self, message: Message, hooks: Sequence[Endpoint]) -> Sequence[Endpoint]:
        if len(hooks) == 1:
            return hooks
        try:
            took = self._hooks.took(message.address, [hook.id for hook in hooks], delivery_id=message.delivery_id)
        except UnavailableError:
            return hooks
        return [hook for hook in hooks if hook.id not in took]

    def _deliver(self, message: Message, hook: Endpoint) -> Outcome:
        at = self._clock()
        body = _body(message, at)
        reply = self._post(hook.target, body.encode(), _headers(message.delivery_id, at, body, hook.secret or ""))
        outcome = _outcome(reply, message.delivery_id)
        with suppress(UnavailableError):  # the log is informative; the ledger has the truth
            self._hooks.note(
                message.address,
                hook.id,
                delivery_id=message.delivery_id,
                outcome=outcome.reason or "accepted",
                status=reply.status,
            )
            if outcome.reason == Reason.ENDPOINT_GONE:
                self._hooks.switch(self.name, message.address, hook.id, on=False, reason=Reason.ENDPOINT_GONE)
        return outcome


def make(parts: ChannelParts) -> WebhookChannel:
    from chalicelib.security.outbound_http import guarded_post, guarded_session

    session = guarded_session(allow_private=parts.settings.private_addresses)
    return WebhookChannel(partial(guarded_post, session), hooks=parts.endpoints, clock=parts.clock)


def _body(message: Message, at: datetime) -> str:
    names = ("template", "category", "campaign")
    data = {
        "notification_id": message.delivery_id.removesuffix(f"_{WebhookChannel.name}"),
        "user_id": message.address,
        **{part: text.strip() for part, text in message.parts.items()},
        **{name: message.tags[name] for name in names if name in message.tags},
    }
    return json.dumps({"type": "notification", "timestamp": rfc3339(at), "data": data}, ensure_ascii=False)


def _headers(delivery_id: str, at: datetime, body: str, secret: str) -> dict[str, str]:
    from standardwebhooks import Webhook

    return {
        "Content-Type": "application/json",
        "User-Agent": "Vestnik",
        "webhook-id": delivery_id,
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": Webhook(secret).sign(delivery_id, at, body),
    }


def _outcome(reply: "HttpReply", delivery_id: str) -> Outcome:
    if reply.status is None:
        return Outcome(Verdict.REFUSED if reply.problem in _FINAL else Verdict.NOT_ACCEPTED, reason=reply.problem)
    if 200 <= reply.status < 300:
        return Outcome(Verdict.ACCEPTED, provider_id=delivery_id)
    if reply.status == HTTPStatus.GONE:
        return Outcome(Verdict.REFUSED, reason=Reason.ENDPOINT_GONE)
    if 300 <= reply.status < 400:
        return Outcome(Verdict.REFUSED, reason=Reason.REDIRECT)
    return Outcome(Verdict.NOT_ACCEPTED, reason=ReasonFamily.ANSWER(reply.status))
