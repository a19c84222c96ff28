"""How the mailbox's tests talk to it: a real boto3 client with its retries off, and its JSON interface."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import requests
from botocore.config import Config

from infra.local.mailbox.events import EVENT_TYPES

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client
    from mypy_boto3_sesv2.type_defs import BulkEmailEntryTypeDef, SendBulkEmailResponseTypeDef

SENDER = "Vestnik <news@cinema.example>"
VERIFIED_DOMAIN = "cinema.example"
CONFIGURATION_SET = "vestnik-test-events"
MAILINGS_SET = "vestnik-test-mailings"
TRACKING_DOMAIN = "track.cinema.example"
# As production has them: SES tells of openings and clicks of mailings alone.
SETS = (
    *("--configuration-set", f"{CONFIGURATION_SET}={','.join(sorted(EVENT_TYPES - {'OPEN', 'CLICK'}))}"),
    *("--configuration-set", MAILINGS_SET, "--tracking-domain", TRACKING_DOMAIN),
)


def ses_client(url: str) -> "SESV2Client":
    """boto3's own client, which tries once."""
    return boto3.client(
        "sesv2",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10),
    )


@dataclass(frozen=True)
class Driver:
    """One mailbox at `url`."""

    url: str

    @cached_property
    def ses(self) -> "SESV2Client":
        """The client."""
        return ses_client(self.url)

    def send(self, to: str = "anna@example.com", **more: Any) -> str:
        """Sends a simple letter; `more` replaces members of the call. The message id."""
        call: dict[str, Any] = {
            "FromEmailAddress": SENDER,
            "Destination": {"ToAddresses": [to]},
            "Content": simple(),
        }
        return self.ses.send_email(**{**call, **more})["MessageId"]

    def send_bulk(self, *entries: "BulkEmailEntryTypeDef", **more: Any) -> "SendBulkEmailResponseTypeDef":
        """Sends an inline template to entries."""
        call: dict[str, Any] = {
            "FromEmailAddress": SENDER,
            "DefaultContent": {"Template": {"TemplateContent": {"Subject": "For {{name}}", "Html": "<b>{{name}}</b>"}}},
            "BulkEmailEntries": list(entries),
        }
        return self.ses.send_bulk_email(**{**call, **more})

    def account(self, **modes: Any) -> None:
        """Makes something wrong with the account; nothing said: all is well."""
        requests.put(f"{self.url}/api/account", json=modes, timeout=10).raise_for_status()

    def letters(self, **query: str | int) -> list[dict[str, Any]]:
        """`GET /api/messages`."""
        answer = requests.get(f"{self.url}/api/messages", params=query, timeout=10)
        answer.raise_for_status()
        return list(answer.json())

    def fault(self, **fault: object) -> int:
        """`POST /api/faults`; its id."""
        answer = requests.post(f"{self.url}/api/faults", json=fault, timeout=10)
        answer.raise_for_status()
        return int(answer.json()["id"])

    def faults(self) -> list[dict[str, Any]]:
        """`GET /api/faults`."""
        return list(requests.get(f"{self.url}/api/faults", timeout=10).json())

    def stats(self, **query: str) -> dict[str, Any]:
        """`GET /api/stats`."""
        return dict(requests.get(f"{self.url}/api/stats", params=query, timeout=10).json())

    def page(self, path: str, **query: str) -> requests.Response:
        """A page."""
        return requests.get(f"{self.url}{path}", params=query, timeout=10)

    def reset(self) -> None:
        """As if just started."""
        for path in ("/api/messages", "/api/faults", "/api/stats"):
            requests.delete(f"{self.url}{path}", timeout=10).raise_for_status()
        self.account()


def simple(subject: str = "Hello", html: str = "<p>Hello</p>", text: str = "Hello", **more: Any) -> dict[str, Any]:
    """`Content` of a simple letter."""
    body = {"Html": {"Data": html}, "Text": {"Data": text}}
    return {"Simple": {"Subject": {"Data": subject}, "Body": body, **more}}


def entry(to: str, data: Mapping[str, object] | None = None, **more: Any) -> "BulkEmailEntryTypeDef":
    """One entry of a bulk call."""
    replacement = {"ReplacementTemplateData": json.dumps(data if data is not None else {"name": "Anna"})}
    built: dict[str, Any] = {
        "Destination": {"ToAddresses": [to]},
        "ReplacementEmailContent": {"ReplacementTemplate": replacement},
        **more,
    }
    return built  # type: ignore[return-value]  # a TypedDict that is built by parts
