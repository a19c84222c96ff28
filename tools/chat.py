"""A terminal client of the chat. What you type goes to the server as it is; what comes is printed.

python -m tools.chat                 # a guest of the local cloud
python -m tools.chat --user anna     # a user of the local cloud
"""

import argparse
import asyncio
import contextlib
import json
import sys
from collections.abc import Callable

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from tools.local_cloud import add_arguments, address

HEARTBEAT_SECONDS = 240  # API Gateway closes what is silent for 10 minutes
HELP = "«<имя>: <текст>» — сказать, «?» — кто здесь, «block <имя>», «unblock <имя>», «blocked». Ctrl-D — выйти."


async def chat(url: str, *, read: Callable[[], str], say: Callable[[str], None]) -> None:
    """Talks until `read` answers "" (the end of input) or the server closes. `read` blocks, in a thread."""
    async with connect(url, close_timeout=2) as socket:
        tasks = [
            asyncio.create_task(work)
            for work in (_listen(socket, say), _send_lines(socket, read), _keep_alive(socket, HEARTBEAT_SECONDS))
        ]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
    if socket.close_code not in (None, 1000):
        say(f"соединение закрыто ({socket.close_code})")


async def _listen(socket: ClientConnection, say: Callable[[str], None]) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for frame in socket:
            text = frame if isinstance(frame, str) else frame.decode(errors="replace")
            if (line := shown(text)) is not None:
                say(line)


async def _send_lines(socket: ClientConnection, read: Callable[[], str]) -> None:
    while line := await asyncio.to_thread(read):
        await socket.send(line.rstrip("\n"))


async def _keep_alive(socket: ClientConnection, every_seconds: float) -> None:
    while True:
        await asyncio.sleep(every_seconds)
        await socket.send('{"action": "ping"}')


def shown(frame: str) -> str | None:
    """A frame for a person: plain lines as they are, notifications in words, heartbeats not at all."""
    try:
        event = json.loads(frame)
    except ValueError:
        return frame
    if not isinstance(event, dict) or event.get("event") == "pong":
        return None
    if event.get("event") == "notification":
        return f"★ {event['title']} — {event['body']} {event['url']} (непрочитанных: {event['unread']})"
    return frame


def main() -> int:
    parser = argparse.ArgumentParser(description="Talk to those who are in the chat.")
    add_arguments(parser)
    chosen = parser.parse_args()
    print(HELP)
    try:
        asyncio.run(chat(address(chosen), read=sys.stdin.readline, say=lambda line: print(line, flush=True)))
    except InvalidHandshake as error:
        print(f"not let in: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
