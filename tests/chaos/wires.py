"""A wire between a client and a server: plain TCP that a test can cut. One wire for every worker and service, so that
exactly one stage loses exactly one of its services.

microburst (a fault proxy for AWS) tells services apart by what is in the request, but takes SES v2 for v1 and cannot
tell the workers apart; where the fault is "does not answer", a cut wire is the whole of it.
"""

import asyncio
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_BYTES = 65_536


class Switchboard:
    """The event loop of all wires, in a thread of its own."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="wires", daemon=True)
        self._thread.start()
        self._wires: list[Wire] = []

    def wire(self, target_port: int) -> "Wire":
        """A new wire to a port of this machine."""
        wire = Wire(self, target_port)
        self._wires.append(wire)
        return wire

    def close(self) -> None:
        """Takes all wires down."""
        for wire in self._wires:
            asyncio.run_coroutine_threadsafe(wire.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()


class Wire:
    """Whole, it carries bytes both ways. Cut, every connection is reset, and `lost` counts those that were tried."""

    def __init__(self, board: Switchboard, target_port: int) -> None:
        self._board = board
        self._target_port = target_port
        self._connections: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._cut = False
        self.lost = 0
        started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._carry, "127.0.0.1", 0), board.loop)
        self._server = started.result(10)
        self._address = self._server.sockets[0].getsockname()
        self.url = f"http://127.0.0.1:{self._address[1]}"

    @contextmanager
    def cut(self) -> Iterator["Wire"]:
        """Nothing passes as long as the block lasts."""
        asyncio.run_coroutine_threadsafe(self._cut_now(), self._board.loop).result(10)
        try:
            yield self
        finally:
            self._cut = False

    @contextmanager
    def gone(self) -> Iterator["Wire"]:
        """Nothing listens at its address as long as the block lasts: every connection is refused."""
        asyncio.run_coroutine_threadsafe(self._stop_listening(), self._board.loop).result(10)
        held = socket.socket()  # bound, so that nobody else takes the port, and not listening
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(self._address)
        try:
            yield self
        finally:
            self._cut = False
            started = asyncio.run_coroutine_threadsafe(asyncio.start_server(self._carry, sock=held), self._board.loop)
            self._server = started.result(10)

    async def close(self) -> None:
        """For good."""
        await self._stop_listening()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _stop_listening(self) -> None:
        self._server.close()
        await self._cut_now()

    async def _cut_now(self) -> None:
        self._cut = True
        self.lost = 0
        for writer in list(self._connections):
            writer.transport.abort()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        if self._cut:
            self.lost += 1
            writer.transport.abort()
            return
        try:
            back_reader, back_writer = await asyncio.open_connection("127.0.0.1", self._target_port)
        except OSError:
            writer.transport.abort()
            return
        ends = {writer, back_writer}
        self._connections |= ends
        try:
            await asyncio.gather(_pump(reader, back_writer), _pump(back_reader, writer))
        finally:
            self._connections -= ends
            for end in ends:
                end.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Until either side ends; a client's half-closed connection ends both, as no AWS client half-closes."""
    try:
        while data := await reader.read(_BYTES):
            writer.write(data)
            await writer.drain()
    except OSError:
        pass
    finally:
        writer.transport.close()
