"""The terminal client: what is typed goes out, and a connection that is lost is reopened under the same name."""

import asyncio
from queue import SimpleQueue
from threading import Event

import pytest
from websockets.asyncio.server import ServerConnection

from tests.unit.tools.conftest import server
from tools.chat import LOST, chat, pause_after, shown


def no_pause(_failures: int) -> float:
    return 0.0


async def greet(socket: ServerConnection) -> str:
    await socket.send("Представьтесь!")
    name = str(await socket.recv())
    await socket.send(f"Здравствуйте, {name}!")
    return name


def test_what_is_typed_goes_out_and_what_comes_is_shown() -> None:
    typed: SimpleQueue[str] = SimpleQueue()
    heard, said = list[str](), list[str]()
    typed.put("Нина\n")

    async def talk(socket: ServerConnection) -> None:
        await greet(socket)
        typed.put("Олег: привет\n")
        said.append(str(await socket.recv()))
        await socket.send("Сообщение от Олег: и тебе")
        await socket.wait_closed()

    def say(line: str) -> None:
        heard.append(line)
        if line.startswith("Сообщение"):
            typed.put("")

    async def run() -> None:
        async with server(talk) as url:
            await chat(lambda: url, read=typed.get, say=say)

    asyncio.run(run())
    assert said == ["Олег: привет"]
    assert heard == ["Представьтесь!", "Здравствуйте, Нина!", "Сообщение от Олег: и тебе"]


def test_a_lost_connection_is_opened_anew_under_the_same_name() -> None:
    names, heard = list[str](), list[str]()
    typed: SimpleQueue[str] = SimpleQueue()
    typed.put("Нина\n")

    async def talk(socket: ServerConnection) -> None:
        names.append(await greet(socket))
        if len(names) == 1:
            await socket.close(1001)
        else:
            typed.put("")
            await socket.wait_closed()

    async def run() -> None:
        async with server(talk) as url:
            await chat(lambda: url, read=typed.get, say=heard.append, pause=no_pause)

    asyncio.run(run())
    assert names == ["Нина", "Нина"]
    assert LOST in heard


def test_whoever_is_shown_the_door_stays_out_and_the_keyboard_holds_nobody_up() -> None:
    released, opened, first = Event(), list[int](), iter(["Хам\n"])

    def read() -> str:
        return next(first, "") or str(released.wait())  # nobody types any more

    async def talk(socket: ServerConnection) -> None:
        opened.append(1)
        await greet(socket)
        await socket.send("Соединение закрыто: слишком много сообщений.")

    async def run() -> None:
        async with server(talk) as url:
            await chat(lambda: url, read=read, say=lambda _: None, pause=no_pause)

    try:
        asyncio.run(run())
    finally:
        released.set()
    assert opened == [1]


def test_whoever_is_not_let_in_at_first_is_told_so() -> None:
    nobody = "ws://127.0.0.1:1"
    with pytest.raises(OSError):
        asyncio.run(chat(lambda: nobody, read=lambda: "", say=lambda _: None, pause=no_pause))


def test_the_pauses_grow_and_are_never_alike_for_all() -> None:
    assert [0.5 * 2**n / 2 <= pause_after(n) <= 0.5 * 2**n for n in range(6)] == [True] * 6
    assert pause_after(50) <= 30
    assert len({pause_after(6) for _ in range(20)}) > 1


@pytest.mark.parametrize(
    ("frame", "line"),
    [
        ("Сообщение от Анна: привет", "Сообщение от Анна: привет"),
        ('{"event":"pong"}', None),
        (
            '{"event":"notification","title":"Премьера","body":"в 19:00","url":"https://c.example","unread":2}',
            "★ Премьера — в 19:00 https://c.example (непрочитанных: 2)",
        ),
    ],
)
def test_a_frame_is_shown_in_words(frame: str, line: str | None) -> None:
    assert shown(frame) == line
