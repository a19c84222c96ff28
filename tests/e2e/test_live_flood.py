"""The flood client against the local cloud: it loses, and two ordinary people keep talking. How fast the pair's
messages are meanwhile is measured by `bench/live_talk.py`."""

import asyncio
import time

import pytest

from chalicelib.live.flood_control import LimitRules
from tests.e2e.conftest import Vestnik
from tests.e2e.sockets import Client, guest
from tools.chat import chat
from tools.flood import Plan, Tally, flood

pytestmark = pytest.mark.e2e

PAUSE_SECONDS = 0.6  # of an ordinary talk: less than its limit


def talk(one: Client, other: Client, other_name: str, *, until: asyncio.Event) -> int:
    """An ordinary pair, until the flood is over; how many messages went. Each must arrive before the next is said."""
    said = 0
    while not until.is_set():
        one.send(f"{other_name}: слово {said}")
        other.until(f"слово {said}")
        said += 1
        time.sleep(PAUSE_SECONDS)
    return said


def test_the_flood_is_defeated_while_a_pair_goes_on_talking(vestnik: Vestnik) -> None:
    rules = LimitRules()
    with guest(vestnik, "Лада") as lada, guest(vestnik, "Миша") as misha:
        plan = Plan(vestnik.cloud.ws_url, "Хам", rate=10, seconds=120)  # the server ends it long before
        misha.send("Лада: рассказывай")  # whom one has answered is no stranger, and may say more than those
        lada.until("рассказывай")
        start = time.monotonic()

        async def both() -> tuple[Tally, int]:
            over = asyncio.Event()
            talking = asyncio.create_task(asyncio.to_thread(talk, lada, misha, "Миша", until=over))
            try:
                tally = await flood(plan)
            finally:
                over.set()
            return tally, await talking

        tally, said = asyncio.run(both())
        assert tally.closed_by_server
        assert tally.counts["warned"] >= 1
        assert tally.counts["muted"] >= 1
        assert said >= 2
        told_off = [frame for frame in lada.heard if "Слишком часто" in frame or "Вы молчите" in frame]
        assert told_off == []
        windows = 1 + (time.monotonic() - start) // rules.repeat_seconds
        assert sum(plan.text in frame for frame in misha.heard) <= rules.repeats * windows


def test_a_person_at_a_terminal_can_talk(vestnik: Vestnik) -> None:
    heard: list[str] = []
    lines = iter(["Нина\n", "Олег: привет с терминала\n"])

    with guest(vestnik, "Олег") as oleg:

        def read() -> str:
            while not heard or ("Здравствуйте" not in heard[-1] and len(heard) > 1):
                time.sleep(0.05)
            if line := next(lines, ""):
                return line
            assert oleg.until("Сообщение") == "Сообщение от Нина (гость): привет с терминала"
            return ""

        asyncio.run(chat(lambda: vestnik.cloud.ws_url, read=read, say=heard.append))
    assert heard[:2] == ["Представьтесь!", "Здравствуйте, Нина!"]
