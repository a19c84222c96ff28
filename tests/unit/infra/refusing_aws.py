"""AWS that knows who calls and refuses all else, or refuses that too: each answer in the shape of its protocol."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from typing import NamedTuple
from xml.sax.saxutils import escape

from tests.serving import AwsHandler, serving

_CALLER = (
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>'
    "<Arn>arn:aws:iam::111122223333:user/olga</Arn><UserId>AIDA</UserId><Account>111122223333</Account>"
    "</GetCallerIdentityResult></GetCallerIdentityResponse>"
)


class Refusal(NamedTuple):
    """What AWS says no with."""

    code: str
    message: str
    status: int = 403
    knows_caller: bool = False


@contextmanager
def refusing_aws(refusal: Refusal) -> Iterator[str]:
    """The address where every call ends so."""

    class Handler(AwsHandler):
        def _refuse(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if refusal.knows_caller and b"GetCallerIdentity" in body:
                self._answer(200, "text/xml", _CALLER)
            elif b"Action=" in body or "s3" in self.headers.get("Authorization", ""):
                told = f"<Error><Type>Sender</Type><Code>{refusal.code}</Code>"
                told += f"<Message>{escape(refusal.message)}</Message></Error>"
                whole = told if b"Action=" not in body else f"<ErrorResponse>{told}</ErrorResponse>"
                self._answer(refusal.status, "text/xml", whole)
            else:
                told = json.dumps({"__type": refusal.code, "message": refusal.message, "Message": refusal.message})
                self._answer(refusal.status, "application/x-amz-json-1.0", told)

        do_GET = do_POST = do_PUT = do_DELETE = do_HEAD = _refuse  # noqa: N815 - http.server's names

        def _answer(self, status: int, kind: str, text: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("x-amzn-ErrorType", refusal.code)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(text.encode())

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Handler)) as url:
        yield url
