"""What leaves by other ways than mail: texts and pushes on their way to SNS, webhooks and chats at their end.

`/sns` stands before an emulator's SNS: it keeps what goes to a phone or a device, and hands
every call on, so that rights and endpoints are the emulator's. `/hooks/…` and `/chats/…` take whatever is posted there.
"""

import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import requests
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ses_mailbox.clock import Clock, rfc3339
from ses_mailbox.database import Database
from ses_mailbox.pages import html_page

_SHOWN = 200
_OWN_OF_A_CONNECTION = {"connection", "content-length", "expect", "transfer-encoding"}


@dataclass(frozen=True)
class OtherChannels:
    """`sns_url` is the emulator; without one `/sns` is not there."""

    database: Database
    now: Clock
    sns_url: str | None

    def routes(self) -> list[Route]:
        """Nothing here needs a key: it listens on this machine alone."""
        sns = [Route("/sns", self.sns, methods=["POST"]), Route("/sns/", self.sns, methods=["POST"])]
        return [
            *(sns if self.sns_url else []),
            Route("/hooks/{who:path}", self.posted, methods=["POST"], name="webhook"),
            Route("/chats/{who:path}", self.posted, methods=["POST"], name="chat"),
            Route("/other", self.page),
            Route("/api/other", self.listed),
        ]

    async def sns(self, request: Request) -> Response:
        """Hands a call on; what SNS accepted for a phone or a device is kept."""
        body = await request.body()
        # Host, path and headers as they were: the signature is of them.
        headers = {name: value for name, value in request.headers.items() if name not in _OWN_OF_A_CONNECTION}
        url = f"{self.sns_url}{request.url.path}"
        answer = await run_in_threadpool(requests.post, url, data=body, headers=headers, timeout=10)
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        if answer.ok and form.get("Action") == "Publish" and "TopicArn" not in form:
            channel = "sms" if "PhoneNumber" in form else "push"
            self._keep(channel, form.get("PhoneNumber") or form.get("TargetArn", ""), form.get("Message", ""))
        media_type = answer.headers.get("Content-Type", "text/xml")
        return Response(answer.content, status_code=answer.status_code, media_type=media_type)

    async def posted(self, request: Request) -> Response:
        """A webhook or a chat message."""
        text = (await request.body()).decode("utf-8", "replace")
        channel = "webhook" if request.url.path.startswith("/hooks/") else "chat"
        signature = request.headers.get("webhook-signature", "")
        self._keep(channel, request.path_params["who"], text, signature)
        return JSONResponse({"taken": True})

    def listed(self, request: Request) -> Response:
        """Oldest first; `channel` and `to` (a part) choose."""
        query = request.query_params
        rows = self._rows(query.get("channel", ""), query.get("to", ""))
        return JSONResponse(rows[::-1])

    def page(self, _request: Request) -> Response:
        """The newest, for people."""
        return html_page("other.html", messages=[{**row, "text": _readable(row)} for row in self._rows("", "")])

    def _keep(self, channel: str, to: str, text: str, signature: str = "") -> None:
        with self.database.transaction() as connection:
            connection.execute(
                "INSERT INTO others (at, channel, recipient, text, signature) VALUES (?,?,?,?,?)",
                (rfc3339(self.now()), channel, to, text, signature),
            )

    def _rows(self, channel: str, to: str) -> list[dict[str, Any]]:
        found = self.database.connection().execute(
            "SELECT at, channel, recipient, text, signature FROM others"
            " WHERE (? = '' OR channel = ?) AND instr(recipient, ?) > 0 ORDER BY seq DESC LIMIT ?",
            (channel, channel, to, _SHOWN),
        )
        names = ("at", "channel", "to", "text", "signature")
        return [dict(zip(names, row, strict=True)) for row in found]


def _readable(row: dict[str, Any]) -> str:
    """What the recipient would read of it; all of it where that cannot be told."""
    raw = str(row["text"])
    try:
        content = json.loads(raw)
        if row["channel"] == "push":
            content = json.loads(content["GCM"])["fcmV1Message"]["message"]["notification"]
        data = content.get("data", content)
        said = [data.get(name) for name in ("title", "body", "message", "text", "url")]
    except (ValueError, KeyError, TypeError, AttributeError):
        return raw
    return " · ".join(one for one in said if isinstance(one, str) and one) or raw
