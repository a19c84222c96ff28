"""A terminal client of the chat. What you type goes to the server as it is; what comes is printed. A connection that is
lost, or near the end of its two hours, is reopened under the same name.

python -m tools.chat                 # a guest of the local cloud
python -m tools.chat --user anna     # a user of the local cloud
"""

import argparse
import asyncio
import contextlib
import json
import random
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Thread

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from chalicelib.live.server_events import ASK_NAME, bye, named
from tools.local_cloud import add_arguments, address

HEARTBEAT_SECONDS = 240  # API Gateway closes a connection that is silent for 10 minutes
RENEW_SECONDS = 110 * 60  # … and everything after 2 hours
HANDSHAKE_SECONDS = 60  # a machine that is busy answers late
HELP = "«<имя>: <текст>» — сказать, «?» — кто здесь, «block <имя>», «unblock <имя>», «blocked». Ctrl-D — выйти."
LOST = "связи нет, пробую снова…"
_FINAL = {bye(reason).line for reason in ("flood", "erased")}
_GREETING, _, _GREETING_END = (named("\n").line or "").partition("\n")


def pause_after(failures: int) -> float:
    """Seconds to wait before the next try: growing, with jitter."""
    longest = min(30.0, float(2**failures) / 2)
    return longest * random.uniform(0.5, 1)  # noqa: S311 - not a secret


@dataclass
class Talk:
    """What outlives a connection: the name, and what was typed but not sent yet."""

    say: Callable[[str], None]
    lines: "asyncio.Queue[str]" = field(default_factory=asyncio.Queue)
    name: str | None = None
    over: bool = False

    def hear(self, frame: str) -> str | None:
        """Prints a frame and returns an automatic answer, if any."""
        if frame == ASK_NAME.ru and self.name:
            return self.name
        if frame.startswith(_GREETING) and frame.endswith(_GREETING_END):
            self.name = frame.removeprefix(_GREETING).removesuffix(_GREETING_END)
        self.over = self.over or frame in _FINAL
        if (line := shown(frame)) is not None:
            self.say(line)
        return None


async def chat(
    find: Callable[[], str],
    *,
    read: Callable[[], str],
    say: Callable[[str], None],
    pause: Callable[[int], float] = pause_after,
) -> None:
    """Talks until `read` returns "" (the end of input) or the server ends the conversation. `find` gives the address of
    each connection; `read` blocks, in a thread that is left behind. Raises: InvalidHandshake, OSError if it was never
    let in."""
    talk = Talk(say)
    loop = asyncio.get_running_loop()
    Thread(target=_read_lines, args=(read, talk.lines, loop), daemon=True).start()
    failures = 0
    while not talk.over:
        try:
            await _connection(await asyncio.to_thread(find), talk)
            failures = 0
        except (InvalidHandshake, OSError):
            if talk.name is None:
                raise
        if not talk.over:
            say(LOST)
            await asyncio.sleep(pause(failures))
            failures += 1


async def _connection(url: str, talk: Talk) -> None:
    async with connect(url, open_timeout=HANDSHAKE_SECONDS, close_timeout=2) as socket:
        tasks = [
            asyncio.create_task(work)
            for work in (_listen(socket, talk), _send_lines(socket, talk), _keep_alive(socket, HEARTBEAT_SECONDS))
        ]
        try:
            await asyncio.wait(tasks, timeout=RENEW_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


async def _listen(socket: ClientConnection, talk: Talk) -> None:
    with contextlib.suppress(ConnectionClosed):
        async for frame in socket:
            answer = talk.hear(frame if isinstance(frame, str) else frame.decode(errors="replace"))
            if answer:
                await socket.send(answer)


async def _send_lines(socket: ClientConnection, talk: Talk) -> None:
    while line := await talk.lines.get():
        await socket.send(line.rstrip("\n"))
    talk.over = True


async def _keep_alive(socket: ClientConnection, every_seconds: float) -> None:
    while True:
        await asyncio.sleep(every_seconds)
        await socket.send('{"action": "ping"}')


def _read_lines(read: Callable[[], str], lines: "asyncio.Queue[str]", loop: asyncio.AbstractEventLoop) -> None:
    # Not by `to_thread`: at the end the loop would wait for a thread that waits for the keyboard.
    with contextlib.suppress(RuntimeError):  # the loop has ended
        line = "first"
        while line:
            line = read()
            loop.call_soon_threadsafe(lines.put_nowait, line)


def shown(frame: str) -> str | None:
    """A frame for people: plain lines as they are, notifications in words, heartbeats not at all."""
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
        asyncio.run(chat(lambda: address(chosen), read=sys.stdin.readline, say=lambda line: print(line, flush=True)))
    except (InvalidHandshake, OSError) as error:
        print(f"not let in: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
