"""Where a stage answers, as far as nobody has chosen it: a stage whose addresses end with `.invalid` (RFC 2606: never a
host) has those that API Gateway gives. The app's stack derives them by itself; the workers are told what it says."""

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from infra.account import Account
from infra.variables import LEFT_OPEN

# What the app's stack says of its addresses, and the setting that each is.
_OUTPUTS = {"PublicUrl": "VESTNIK_PUBLIC_URL", "LiveUrl": "VESTNIK_LIVE_URL"}


class Addresses(NamedTuple):
    """Of the app's two APIs, in its template: on AWS, or at the endpoint of an emulator."""

    endpoint_url: str | None = None

    def variables(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Each address that nobody has chosen, as CloudFormation finds it."""
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
    """The environment with each address that nobody has chosen, as far as the deployed app says it. Raises:
    ClientError."""
    told = account.outputs(f"vestnik-{environment['VESTNIK_STAGE']}-app")
    known = {setting: told[output] for output, setting in _OUTPUTS.items() if output in told}
    found = {**LEFT_OPEN, **known}
    return {name: found.get(name, value) if is_open(value) else value for name, value in environment.items()}
