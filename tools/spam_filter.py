"""SpamAssassin behind rspamd's protocol, for the spam score of a letter's check on one machine. Point
`VESTNIK_SPAM_FILTER_URL` at it, or at a real rspamd.

    apt-get install spamassassin
    python -m tools.spam_filter --port 11333
"""

import argparse
import json
import re
import subprocess
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

_VERDICT = re.compile(
    r"^Content analysis details:\s+\((?P<score>-?[\d.]+) points, (?P<threshold>[\d.]+) required\)", re.MULTILINE
)
_RULE = re.compile(r"^ *(?P<score>-?\d+(?:\.\d)?) (?P<name>[A-Z][A-Z0-9_]+) +(?P<said>.*)$", re.MULTILINE)
_MOST_BYTES = 2_000_000
_SECONDS = 20


def answer_for(message: bytes) -> dict[str, Any]:
    """What rspamd's `/checkv2` would answer, by SpamAssassin's rules that need no network (`-L`). Raises:
    subprocess.SubprocessError, ValueError: there is no score."""
    command = ["spamassassin", "-L", "-t"]
    done = subprocess.run(command, input=message, capture_output=True, timeout=_SECONDS, check=True)  # noqa: S603
    told = done.stdout.decode("utf-8", "replace")
    verdicts = list(_VERDICT.finditer(told))
    if not verdicts:
        raise ValueError("SpamAssassin gave no score")
    table = told[verdicts[-1].end() :]  # the last one: the letter itself may hold such a line
    symbols = {
        rule["name"]: {"name": rule["name"], "score": float(rule["score"]), "description": rule["said"].strip()}
        for rule in _RULE.finditer(table)
    }
    score, threshold = float(verdicts[-1]["score"]), float(verdicts[-1]["threshold"])
    return {"score": score, "required_score": threshold, "symbols": symbols}


class _Filter(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        """`POST /checkv2` with a message."""
        size = int(self.headers.get("Content-Length") or 0)
        if self.path != "/checkv2" or not 0 < size <= _MOST_BYTES:
            self._answer(404, {"error": "expected POST /checkv2 with a message"})
            return
        try:
            self._answer(200, answer_for(self.rfile.read(size)))
        except (subprocess.SubprocessError, OSError, ValueError) as error:
            self._answer(500, {"error": str(error)})

    def _answer(self, status: int, body: dict[str, Any]) -> None:
        raw = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, *_: object) -> None:
        """Says nothing: letters belong in no log."""


def server(port: int) -> ThreadingHTTPServer:
    """On this machine alone; 0 takes any port."""
    return ThreadingHTTPServer(("127.0.0.1", port), _Filter)


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=11333)
    with server(parser.parse_args().port) as running:
        running.serve_forever()


if __name__ == "__main__":
    main()
