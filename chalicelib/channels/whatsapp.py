"""WhatsApp through AWS End User Messaging Social, to a phone number.

Only templates that Meta has approved are sent. Free text reaches nobody but who has written within the last 24 hours;
whether somebody has is not known here, and Meta's refusal would come after the call, as an event.

The client's own retries must be off: `SendWhatsAppMessage` has no idempotency token, so a message whose reply is lost
may have been sent.
"""

import json
from collections.abc import Sequence
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.channels.port import ChannelParts, Message, Outcome, Verdict, accepted, send_each
from chalicelib.channels.providers.whatsapp_answers import whatsapp_outcome
from chalicelib.reasons import Reason

META_API_VERSION = "v20.0"  # "Example of sending a template message" of the service's user guide


class WhatsAppChannel:
    """A message's address is a number in E.164. `client` is botocore's `socialmessaging`; `sender` is the id of the
    number that messages come from: without one they wait for the setting."""

    name = "whatsapp"
    batch_size = 10

    def __init__(self, client: Any, *, sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        return send_each(self._send_one, messages)

    def _send_one(self, message: Message) -> Outcome:
        if not self._sender:
            return Outcome(Verdict.NOT_ACCEPTED, reason=Reason.NOT_FOUND, ours=True)
        try:
            answer = self._client.send_whatsapp_message(
                originationPhoneNumberId=self._sender,
                message=json.dumps(cloud_api_message(message), ensure_ascii=False).encode(),
                metaApiVersion=META_API_VERSION,
            )
        except (ClientError, BotoCoreError) as error:
            return whatsapp_outcome(error)
        return accepted(answer.get("messageId"))


def make(parts: ChannelParts) -> WhatsAppChannel:
    return WhatsAppChannel(parts.socialmessaging, sender=parts.settings.whatsapp_sender)


def cloud_api_message(message: Message) -> dict[str, Any]:
    """The template message of Meta's Cloud API. The part `parameters` has one line for each gap in the body of Meta's
    template; a gap takes no line end."""
    parts = message.parts
    template: dict[str, Any] = {"name": parts["template"].strip(), "language": {"code": parts["language"].strip()}}
    texts = [line for one in parts.get("parameters", "").splitlines() if (line := one.strip())]
    if texts:
        template["components"] = [{"type": "body", "parameters": [{"type": "text", "text": one} for one in texts]}]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": message.address,
        "type": "template",
        "template": template,
    }
