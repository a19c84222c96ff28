"""Push notifications to the user's devices through SNS platform endpoints. Devices are registered through the API
(`services/endpoint_registration.py`).

One device that was reached is enough. A notification that is sent twice replaces itself on the device (APNs' collapse
id, FCM's tag), so that a repeat is harmless. A device whose endpoint SNS has disabled (the app was removed, the token
is no longer valid) is deleted.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.channels.port import BEST_FIRST, ChannelParts, Message, Outcome, accepted, send_to_endpoints
from chalicelib.channels.providers.sns_answers import sns_outcome
from chalicelib.errors import UnavailableError
from chalicelib.reasons import Reason
from chalicelib.storage.endpoints import Endpoint, Endpoints

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# APNs takes 4 KB of payload, FCM 4,000 bytes: a lock screen shows far less.
MAX_CHARACTERS: Mapping[str, int] = {"title": 120, "body": 500, "url": 1000}


class PushChannel:
    """A message's address is the user's id."""

    name = "push"
    batch_size = 10

    def __init__(self, client: "SNSClient", *, devices: Endpoints) -> None:
        self._client = client
        self._devices = devices

    def send(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        """See `Channel.send`."""
        return send_to_endpoints(messages, lambda users: self._devices.usable(self.name, users), self._send_one)

    def _send_one(self, message: Message, devices: Sequence[Endpoint]) -> Outcome:
        outcomes = [self._publish(message, device) for device in devices]
        return min(outcomes, key=lambda outcome: BEST_FIRST.index(outcome.verdict))

    def _publish(self, message: Message, device: Endpoint) -> Outcome:
        try:
            answer = self._client.publish(
                TargetArn=device.target,
                Message=_json(payloads(message)),
                MessageStructure="json",
                MessageAttributes={
                    "AWS.SNS.MOBILE.APNS.COLLAPSE_ID": {"DataType": "String", "StringValue": _collapse_id(message)},
                    "AWS.SNS.MOBILE.APNS.PUSH_TYPE": {"DataType": "String", "StringValue": "alert"},
                },
            )
        except (ClientError, BotoCoreError) as error:
            outcome = sns_outcome(self.name, error)
            if outcome.reason == Reason.DEVICE_GONE:
                self._forget(message.address, device)
            return outcome
        return accepted(answer.get("MessageId"))

    def _forget(self, user_id: str, device: Endpoint) -> None:
        with suppress(UnavailableError):  # the next notification finds it again
            self._devices.forget(self.name, user_id, device.id)


def make(parts: ChannelParts) -> PushChannel:
    return PushChannel(parts.sns, devices=parts.endpoints)


def payloads(message: Message) -> dict[str, str]:
    """The message for each platform (SNS, "Sending mobile push notifications"; `GCM` is FCM's HTTP v1). SNS picks the
    one for the device's platform."""
    parts = {part: message.parts.get(part, "").strip()[:limit] for part, limit in MAX_CHARACTERS.items()}
    data = {"notification_id": _collapse_id(message), "url": parts["url"]}
    apple = {"aps": {"alert": {"title": parts["title"], "body": parts["body"]}, "sound": "default"}, **data}
    google = {
        "fcmV1Message": {
            "message": {
                "notification": {"title": parts["title"], "body": parts["body"]},
                "data": data,
                "android": {"collapse_key": data["notification_id"], "notification": {"tag": data["notification_id"]}},
            }
        }
    }
    return {"default": parts["title"], "APNS": _json(apple), "APNS_SANDBOX": _json(apple), "GCM": _json(google)}


def _json(content: Mapping[str, Any]) -> str:
    return json.dumps(content, ensure_ascii=False)


def _collapse_id(message: Message) -> str:
    return message.delivery_id.removesuffix(f"_{PushChannel.name}")  # a UUID: APNs takes 64 bytes
