"""The flood client against the local cloud: it is defeated, and an ordinary pair goes on talking."""

import asyncio
import statistics
import sys
import time

import pytest

from tests.e2e.conftest import Vestnik
from tests.e2e.sockets import Client, guest
from tools.chat import chat
from tools.flood import Plan, Tally, flood

pytestmark = pytest.mark.e2e

TALK_MESSAGES = 30
FLOOD_SECONDS = 20
FLOOR_SECONDS = 0.5  # two cores are shared by the emulator, all Lambdas and the clients: below this all is well


def talk(one: Client, other: Client, other_name: str, *, tag: str) -> list[float]:
    """An ordinary pair: one a second. How long each message took, in seconds."""
    took = []
    for n in range(TALK_MESSAGES):
        start = time.monotonic()
        one.send(f"{other_name}: {tag} {n}")
        other.until(f"{tag} {n}")
        took.append(time.monotonic() - start)
        time.sleep(max(0.0, 0.6 - took[-1]))
    return took


def p95(values: list[float]) -> float:
    return statistics.quantiles(values, n=20)[-1]


def test_the_flood_is_defeated_while_a_pair_goes_on_talking(
    vestnik: Vestnik, capsys: pytest.CaptureFixture[str]
) -> None:
    with guest(vestnik, "Лада") as lada, guest(vestnik, "Миша") as misha:
        talk(lada, misha, "Миша", tag="разминка")
        quiet = talk(lada, misha, "Миша", tag="в тишине")
        plan = Plan(vestnik.cloud.ws_url, "Хам", rate=10, seconds=FLOOD_SECONDS)

        async def both() -> tuple[Tally, list[float]]:
            return await asyncio.gather(flood(plan), asyncio.to_thread(talk, lada, misha, "Миша", tag="под огнём"))

        tally, busy = asyncio.run(both())
        with capsys.disabled():
            figures = f"quiet p95 {p95(quiet) * 1000:.0f} ms, flooded p95 {p95(busy) * 1000:.0f} ms"
            sys.stdout.write(f"\n{figures}; flood: {tally}\n")
        assert tally.closed_by_server
        assert tally.counts["warned"] >= 1
        assert tally.counts["muted"] >= 1
        assert p95(busy) <= max(2 * p95(quiet), FLOOR_SECONDS)


def test_a_person_at_a_terminal_can_talk(vestnik: Vestnik) -> None:
    heard: list[str] = []
    lines = iter(["Нина\n", "Олег: привет с терминала\n"])

    with guest(vestnik, "Олег") as oleg:

        def read() -> str:
            while not heard or ("Здравствуйте" not in heard[-1] and len(heard) > 1):
                time.sleep(0.05)
            if line := next(lines, ""):
                return line
            assert oleg.until("Сообщение") == "Сообщение от Нина: привет с терминала"
            return ""

        asyncio.run(chat(vestnik.cloud.ws_url, read=read, say=heard.append))
    assert heard[:2] == ["Представьтесь!", "Здравствуйте, Нина!"]
