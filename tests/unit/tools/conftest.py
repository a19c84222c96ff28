"""A server of the chat that says what a test has it say: the tools are clients, and no cloud is needed to try them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from websockets.asyncio.server import ServerConnection, serve

Serve = Callable[[ServerConnection], Awaitable[None]]
LIMIT_SECONDS = 30  # guards against hangs; measures nothing


@asynccontextmanager
async def server(talk: Serve) -> AsyncIterator[str]:
    """Serves each connection by `talk`; the address."""
    async with serve(talk, "127.0.0.1", 0) as running, asyncio.timeout(LIMIT_SECONDS):
        port = running.sockets[0].getsockname()[1]
        yield f"ws://127.0.0.1:{port}"
