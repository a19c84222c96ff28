"""A stage's addresses where nobody has chosen them: addresses ending in `.invalid` (RFC 2606: never a host) stand for
those that API Gateway gives. The app's stack derives them itself; the workers are told its outputs. The address of
pictures comes from the workers' stack, where CloudFront gives it, and the app is told."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from infra.account import Account
from infra.variables import LEFT_OPEN

# The outputs of the app's stack that are addresses, and the setting for each.
_OUTPUTS = {"PublicUrl": "VESTNIK_PUBLIC_URL", "LiveUrl": "VESTNIK_LIVE_URL"}


class Addresses(NamedTuple):
    """Of the app's two APIs, in its template: on AWS, or at an emulator's endpoint."""

    endpoint_url: str | None = None

    def variables(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Each address that nobody has chosen, as a CloudFormation expression."""
        rest, live = (self._address(api) for api in ("RestAPI", "WebsocketAPI"))
        derived = {"VESTNIK_PUBLIC_URL": rest, "VESTNIK_LIVE_URL": live.replace("http", "ws", 1)}
        if self.endpoint_url:  # on AWS it follows from the API's id
            derived["VESTNIK_LIVE_MANAGEMENT_URL"] = live
        return {name: {"Fn::Sub": address} for name, address in derived.items() if is_open(environment.get(name, ""))}

    def _address(self, api: str) -> str:
        if self.endpoint_url:
            return f"{self.endpoint_url}/_aws/execute-api/${{{api}}}/api"
        return f"https://${{{api}}}.execute-api.${{AWS::Region}}.${{AWS::URLSuffix}}/api"


def is_open(address: str) -> bool:
    """Whether nobody has chosen it."""
    return not address or (urlsplit(address).hostname or "").endswith(".invalid")


def with_addresses(environment: Mapping[str, str], account: Account) -> dict[str, str]:
    """The environment with each open address filled in, as far as the deployed app knows it. Raises: ClientError."""
    told = account.outputs(f"vestnik-{environment['VESTNIK_STAGE']}-app")
    known = {setting: told[output] for output, setting in _OUTPUTS.items() if output in told}
    found, left = {**LEFT_OPEN, **known}, with_media(environment, account)
    return {name: found.get(name, value) if is_open(value) else value for name, value in left.items()}


def with_media(environment: Mapping[str, str], account: Account) -> dict[str, str]:
    """With the address of pictures that CloudFront gives, once it has given one. Raises: ClientError."""
    if environment.get("VESTNIK_MEDIA_URL"):
        return dict(environment)
    told = account.outputs(f"vestnik-{environment['VESTNIK_STAGE']}-infra")
    return {**environment, "VESTNIK_MEDIA_URL": told.get("MediaUrl", "")}
