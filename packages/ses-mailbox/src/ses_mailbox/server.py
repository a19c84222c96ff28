"""The HTTP server under the mailbox, with the one thing that ASGI cannot do: hang up without an answer."""

import asyncio
import socket

import uvicorn
from starlette.applications import Starlette
from uvicorn.protocols.http.h11_impl import H11Protocol


class HangingUp(H11Protocol):
    """Gives each request `request.state.hang_up()`, which breaks its connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Overrides the protocol's; the state is copied into the scope of each request on this connection."""
        super().connection_made(transport)
        self.app_state = {**self.app_state, "hang_up": transport.abort}


class AnnouncingServer(uvicorn.Server):
    """Tells its address once it accepts connections and obeys signals."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Overrides the server's."""
        await super().startup(sockets=sockets)
        for listener in sockets or ():
            host, port = listener.getsockname()[:2]
            print(f"mailbox on http://{host}:{port}", flush=True)


def serve(app: Starlette, *, host: str, port: int) -> None:
    """Serves until SIGTERM or SIGINT. The first line of output is the address, once it accepts connections."""
    config = uvicorn.Config(
        app,
        http=HangingUp,
        ws="none",
        lifespan="on",
        log_level="warning",
        access_log=False,
        server_header=False,
        timeout_graceful_shutdown=2,
    )
    AnnouncingServer(config).run(sockets=[_listener(host, port)])


def _listener(host: str, port: int) -> socket.socket:
    # asyncio sets TCP_NODELAY only where the protocol is named; without it every answer waits 40 ms for an ACK.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((host, port))
    listener.listen(2048)
    return listener
