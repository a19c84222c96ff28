"""SMS through SNS, straight to a phone number.

The client's own retries must be off, as SNS has no idempotency token: a text whose reply is lost may have been sent,
and would be charged twice. `rendering/sms_segments.py` counts the segments of a text before it is sent.
"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.categories import CATEGORIES
from chalicelib.channels.port import ChannelParts, Message, Outcome, Verdict, accepted, send_each
from chalicelib.channels.providers.sns_answers import sns_outcome
from chalicelib.reasons import Reason

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sns.type_defs import MessageAttributeValueTypeDef

MAX_CHARACTERS = 1600  # SNS, "Publish": the limit of one text, over all its segments


class SmsChannel:
    """A message's address is a number in E.164."""

    name = "sms"
    batch_size = 10

    def __init__(self, client: "SNSClient", *, sender: str) -> None:
        self._client = client
        self._sender = sender

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        return send_each(self._send_one, messages)

    def _send_one(self, message: Message) -> Outcome:
        text = message.parts["text"].strip()
        if len(text) > MAX_CHARACTERS:
            return Outcome(Verdict.REFUSED, reason=Reason.TOO_LONG)
        try:
            answer = self._client.publish(
                PhoneNumber=message.address, Message=text, MessageAttributes=self._attributes(message)
            )
        except (ClientError, BotoCoreError) as error:
            return sns_outcome(self.name, error)
        return accepted(answer.get("MessageId"))

    def _attributes(self, message: Message) -> "Mapping[str, MessageAttributeValueTypeDef]":
        # SNS routes `Transactional` for reliability and `Promotional` for price ("Publishing SMS messages").
        category = CATEGORIES.get(message.tags.get("category", ""))
        kind = "Transactional" if category is not None and category.transactional else "Promotional"
        given = {"AWS.SNS.SMS.SMSType": kind}
        if self._sender:
            given["AWS.SNS.SMS.SenderID"] = self._sender
        return {name: {"DataType": "String", "StringValue": value} for name, value in given.items()}


def make(parts: ChannelParts) -> SmsChannel:
    return SmsChannel(parts.sns, sender=parts.settings.sms_sender)
