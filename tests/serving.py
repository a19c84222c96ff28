"""Servers of this process, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from socketserver import TCPServer
from threading import Thread
from typing import Any


class AwsHandler(BaseHTTPRequestHandler):
    """Plays AWS. An older version of HTTP knows no "continue", for which S3's client waits a second."""

    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Overrides the server's: a test prints nothing."""


@contextmanager
def serving(server: TCPServer) -> Iterator[str]:
    """Its address. It ends at once; left alone, a server looks only twice a second whether it is to end."""
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
