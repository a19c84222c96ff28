"""An HTTP server that takes what channels send, and misbehaves when it is told to: SNS's query protocol, webhooks and
chats alike."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from urllib.parse import parse_qs

from tests.serving import serving

DROP = -1  # the request is taken, the connection closed without a reply
_SNS_OK = (
    '<PublishResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><PublishResult><MessageId>m-{n}</MessageId>'
    "</PublishResult></PublishResponse>"
)
_SNS_ERROR = (
    '<ErrorResponse xmlns="http://sns.amazonaws.com/doc/2010-03-31/"><Error><Type>Sender</Type><Code>{code}</Code>'
    "<Message>{text}</Message></Error></ErrorResponse>"
)
_WHATSAPP = "/v1/whatsapp/send"
_TEXTS = {
    "InvalidParameter": "Invalid parameter: Message Reason: it cannot be sent",
    "InvalidParametersException": "(#131009) Parameter value is not valid",
}


@dataclass(frozen=True)
class Taken:
    """One request that was taken for good."""

    path: str
    headers: dict[str, str]
    body: str

    @property
    def json(self) -> dict[str, object]:
        """The body of a webhook or a chat."""
        content: dict[str, object] = json.loads(self.body)
        return content

    @property
    def form(self) -> dict[str, str]:
        """The body of a call of SNS."""
        return {name: values[0] for name, values in parse_qs(self.body).items()}


@dataclass
class Receiver:
    """`faults`: what the next requests get, by order: a status, a code of SNS or of WhatsApp, or DROP."""

    url: str = ""
    taken: list[Taken] = field(default_factory=list)
    calls: int = 0
    faults: list[int | str] = field(default_factory=list)
    redirect_to: str = ""
    _lock: Lock = field(default_factory=Lock)

    def answer(self, request: Taken) -> tuple[int, str]:
        """The status and the body of an answer."""
        with self._lock:
            self.calls += 1
            fault = self.faults.pop(0) if self.faults else 200
            if fault in (200, DROP):
                self.taken.append(request)
        if request.path == _WHATSAPP:
            named = {"__type": fault, "message": _TEXTS.get(str(fault), "no")} if isinstance(fault, str) else {}
            told = {"messageId": f"m-{self.calls}"} if fault == 200 else named
            return (400 if isinstance(fault, str) else fault), json.dumps(told)
        if isinstance(fault, str):
            return 400, _SNS_ERROR.format(code=fault, text=_TEXTS.get(fault, "no"))
        return fault, _SNS_OK.format(n=self.calls) if fault == 200 else ""


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A server on a free port of this machine."""
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            status, text = receiver.answer(Taken(self.path, dict(self.headers), body))
            if status == DROP:
                self.close_connection = True
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", receiver.redirect_to)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: object) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as receiver.url:
        yield receiver
