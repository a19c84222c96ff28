"""Where a stage answers, as far as nobody has said it: without a domain it has the addresses that API Gateway gives.
The app's stack derives them by itself; the workers are told what it says."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from infra.account import Account
from infra.variables import LEFT_OPEN

# What the app's stack says of its addresses, and the setting that each is.
_OUTPUTS = {"PublicUrl": "VESTNIK_PUBLIC_URL", "LiveUrl": "VESTNIK_LIVE_URL"}


class Addresses(NamedTuple):
    """Of the app's two APIs, in its template: on AWS, or at the endpoint of an emulator."""

    endpoint_url: str | None = None

    def variables(self, environment: Mapping[str, str]) -> dict[str, Any]:
        """Each address that the environment leaves open, as CloudFormation finds it."""
        outside = self.endpoint_url
        if outside:
            of = {api: f"{outside}/_aws/execute-api/${{{api}}}/api" for api in ("RestAPI", "WebsocketAPI")}
        else:
            suffix = "execute-api.${AWS::Region}.${AWS::URLSuffix}/api"
            of = {api: f"https://${{{api}}}.{suffix}" for api in ("RestAPI", "WebsocketAPI")}
        derived = {
            "VESTNIK_PUBLIC_URL": of["RestAPI"],
            "VESTNIK_LIVE_URL": of["WebsocketAPI"].replace("http", "ws", 1),
            **({"VESTNIK_LIVE_MANAGEMENT_URL": of["WebsocketAPI"]} if outside else {}),
        }
        return {name: environment.get(name) or {"Fn::Sub": address} for name, address in derived.items()}


def with_addresses(environment: Mapping[str, str], account: Account) -> dict[str, str]:
    """The environment with each address that it leaves open, as the deployed app says it. Raises: ClientError."""
    given = {name: value for name, value in environment.items() if value}
    told = account.outputs(f"vestnik-{environment['VESTNIK_STAGE']}-app")
    known = {setting: told[output] for output, setting in _OUTPUTS.items() if output in told}
    return {**environment, **LEFT_OPEN, **known, **given}
