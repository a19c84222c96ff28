"""A client for tests: boto3's own with its retries off, and the mailbox's JSON interface."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3
import requests
from botocore.config import Config

if TYPE_CHECKING:
    from mypy_boto3_sesv2.client import SESV2Client
    from mypy_boto3_sesv2.type_defs import BulkEmailEntryTypeDef, SendBulkEmailResponseTypeDef


def ses_client(url: str) -> "SESV2Client":
    """boto3's own client, which tries once."""
    return boto3.client(
        "sesv2",
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id="000000000000",
        aws_secret_access_key="local",  # noqa: S106  (the mailbox checks none)
        config=Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=10),
    )


@dataclass(frozen=True)
class MailboxClient:
    """The mailbox at `url`; `sender` is the sender of `send` and `send_bulk`."""

    url: str
    sender: str = "sender@example.com"

    @cached_property
    def ses(self) -> "SESV2Client":
        """boto3's client of this mailbox."""
        return ses_client(self.url)

    def send(self, to: str = "anna@example.com", **more: Any) -> str:
        """Sends a simple letter and returns its message id; `more` replaces members of the call."""
        call: dict[str, Any] = {
            "FromEmailAddress": self.sender,
            "Destination": {"ToAddresses": [to]},
            "Content": simple(),
        }
        return self.ses.send_email(**{**call, **more})["MessageId"]

    def send_bulk(self, *entries: "BulkEmailEntryTypeDef", **more: Any) -> "SendBulkEmailResponseTypeDef":
        """Sends an inline template to entries."""
        call: dict[str, Any] = {
            "FromEmailAddress": self.sender,
            "DefaultContent": {"Template": {"TemplateContent": {"Subject": "For {{name}}", "Html": "<b>{{name}}</b>"}}},
            "BulkEmailEntries": list(entries),
        }
        return self.ses.send_bulk_email(**{**call, **more})

    def account(self, **modes: Any) -> None:
        """Makes something wrong with the account; without arguments it is healthy again."""
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
        """Empties it and makes it healthy; stored templates stay."""
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
