"""The flood client: says its text to each of those present, counts what comes back, and leaves cleanly."""

import asyncio
import os
import signal
import sys

from websockets.asyncio.server import ServerConnection

from tests.unit.tools.conftest import server
from tools.flood import Plan, Tally, flood


async def greet(socket: ServerConnection, *present: str) -> None:
    await socket.send("Представьтесь!")
    name = str(await socket.recv())
    await socket.send(f"Здравствуйте, {name}!")
    assert await socket.recv() == "?"
    await socket.send("Здесь: " + ", ".join([*present, name]))


def run(talk: object, *, seconds: float = 20, stop: asyncio.Event | None = None) -> Tally:
    async def both() -> Tally:
        async with server(talk) as url:  # type: ignore[arg-type]
            return await flood(Plan(url, "Хам", rate=50, seconds=seconds, text="Эй!"), stop=stop)

    return asyncio.run(both())


def test_everybody_else_who_is_there_gets_the_text_and_the_answers_are_counted() -> None:
    heard: list[str] = []

    async def talk(socket: ServerConnection) -> None:
        await greet(socket, "Анна", "Борис")
        heard.extend([str(await socket.recv()) for _ in range(4)])
        for word in ("Слишком часто. …", "Одно и то же …", "Вы молчите ещё 15 с. …", "Сообщение от Анна: тише!"):
            await socket.send(word)
        await socket.send("Соединение закрыто: слишком много сообщений.")

    tally = run(talk)
    assert heard == ["Анна: Эй!", "Борис: Эй!"] * 2
    assert {name: tally.counts[name] for name in ("warned", "muted", "received", "closed")} == {
        "warned": 2,
        "muted": 1,
        "received": 1,
        "closed": 1,
    }
    assert str(tally).endswith("warned 2, muted 1, received 1, disconnected by the server")


def test_whoever_is_told_to_stop_leaves_with_the_figures() -> None:
    stop = asyncio.Event()

    async def talk(socket: ServerConnection) -> None:
        await greet(socket, "Анна")
        await socket.recv()
        stop.set()
        await socket.wait_closed()

    assert str(run(talk, stop=stop)).endswith("warned 0, muted 0, received 0, left by itself")


def test_ctrl_c_prints_the_figures_and_is_no_error() -> None:
    async def both() -> tuple[int | None, str]:
        begun = asyncio.Event()

        async def talk(socket: ServerConnection) -> None:
            await greet(socket, "Анна")
            await socket.recv()
            begun.set()
            await socket.wait_closed()

        async with server(talk) as url:
            command = [sys.executable, "-m", "tools.flood", "--url", url, "--name", "Хам", "--rate", "20"]
            child = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, env=dict(os.environ))
            await begun.wait()
            child.send_signal(signal.SIGINT)
            said, _ = await child.communicate()
            return child.returncode, said.decode()

    code, said = asyncio.run(both())
    assert code == 0
    assert said.startswith("sent ")
    assert "left by itself" in said
