"""Several people do anything in any order against the real handlers; what the chat promises holds after every step."""

import json
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import combinations, count
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.api.live import issue_ticket
from chalicelib.clock import now
from chalicelib.live.chat_names import same_name
from chalicelib.live.frames import ACTION_NAMES
from chalicelib.live.server_events import WARNINGS
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.live import ConnectionRow, NameRow, PersonRow
from tests.integration.live.conftest import Gateway
from tests.processes import compose, new_process

USERS = ("anna", "boris")
GUESTS = ("g1", "g2", "g3")
PEOPLE = (*USERS, *GUESTS)
HOME = "192.0.2.1"
SOURCES = {"g1": HOME, "g2": HOME, "g3": "2001:db8::1"}
# Some are the same as others, some cannot be, some belong to nobody.
NAMES = st.sampled_from(
    [
        *("Anna", "anna", "Аnna", "Anna\u034f", "A n n a", "Нора", "Hopa", "Борис", "БОРИС", "g0", "g0\u200b", "go"),
        *("admin", "Support 1", "block", "", "a:b", "\u3164", "😀", "x" * 40, "\ufffd", "Вера", "Ivan", "lvan"),
    ]
)
TEXTS = st.sampled_from(["привет", "как дела?", "", "\u2800", "a\u202eb", "\u2067אב", "да: нет", "я" * 2001]) | st.text(
    max_size=20
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=6,
)
FIELDS = st.sampled_from(["to", "user_id", "text", "name", "cursor", "limit", "ids"])
ALMOST = st.builds(
    lambda action, rest: json.dumps({**rest, "action": action}),
    st.sampled_from(ACTION_NAMES) | st.text(max_size=5),
    st.dictionaries(FIELDS, NAMES | JSON, max_size=3),
)
WHO = st.sampled_from(PEOPLE)
STEPS = st.one_of(
    st.tuples(st.just("come"), WHO),
    st.tuples(st.just("leave"), WHO),
    st.tuples(st.just("wait"), st.sampled_from([1, 20, 100])),
    st.tuples(st.just("name"), WHO, NAMES),
    st.tuples(st.just("tell"), WHO, NAMES, TEXTS),
    st.tuples(st.just("tell user"), WHO, st.sampled_from([*USERS, "nobody"]), TEXTS),
    st.tuples(st.just("block"), WHO, NAMES),
    st.tuples(st.just("unblock"), WHO, NAMES),
    st.tuples(st.just("frame"), WHO, st.text(max_size=30) | ALMOST | st.just("?") | st.just('{"action": "ping"}')),
)


class Room:
    """The people, and a model of what they may expect; every step is checked against it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.at = now()
        self.open: dict[str, str] = {}  # who is here, by which connection
        self.names: dict[str, str] = {}
        self.blocked: dict[str, list[tuple[str, str]]] = {}  # by which person: which persons, under which names
        self.barred: list[tuple[str, str, datetime]] = []  # where, which name, until when at least
        self.numbers = count()
        compose(clock=lambda: self.at)

    def take(self, step: tuple[Any, ...]) -> None:
        """Does one step, if whoever should do it can."""
        kind, *rest = step
        if kind == "wait":
            self.at += timedelta(seconds=rest[0])
        elif kind == "come" and rest[0] not in self.open:
            self._come(rest[0])
        elif kind != "come" and rest[0] in self.open:
            self._act(kind, *rest)
        names = [one.name for one in Stage.own().presence.here()]
        assert [pair for pair in combinations(names, 2) if same_name(*pair)] == []

    def _come(self, who: str) -> None:
        connection_id = f"{who}-{next(self.numbers)}"
        query = {"ticket": issue_ticket(who)["ticket"]} if who in USERS else {}
        status = self.gateway.connect(connection_id, source=SOURCES.get(who, HOME), format="json", **query)
        assert status in (200, 429)
        if status == 200:
            self.open[who] = connection_id
            self._hear(who, self.gateway.frames[connection_id])

    def _act(self, kind: str, who: str, *rest: str) -> None:
        if kind == "leave":
            self.gateway.close(self.open[who])
            self._gone(who)
        elif kind == "flood":
            for _ in range(40):
                self._tell(who, FRAMES["tell"](rest[0], "купи слона"))
        elif kind.startswith("tell"):
            self._tell(who, FRAMES[kind](*rest))
        else:
            self._send(who, rest[0] if kind == "frame" else FRAMES[kind](*rest))

    def _tell(self, who: str, frame: dict[str, Any]) -> None:
        """A message that is like no other: where it arrives is counted."""
        if who not in self.open:
            return
        mark = f"<{next(self.numbers)}>"
        sender, name = self._person(who), self.names.get(who, "")
        before, barred = dict(self.open), who in USERS and self._is_barred(who, "")
        self._send(who, {**frame, "text": f"{frame['text']}{mark}"})
        arrived = Counter(one for one, c in before.items() for f in self.gateway.frames.get(c, ()) if mark in f)
        assert arrived.total() <= (not barred)
        for one in arrived:
            assert not self._blocks(self._person(one), sender, name)

    def _send(self, who: str, frame: str | dict[str, Any]) -> None:
        connection_id, person = self.open[who], self._person(who)
        holders = {self._person(one): name for one, name in self.names.items() if one in self.open}
        told = self.gateway.send(connection_id, frame)
        self._hear(who, told)
        if isinstance(frame, dict) and any('"chat.blocked"' in one for one in told):
            own = self.blocked.setdefault(person, [])
            if frame["action"] == "chat.unblock":
                own[:] = [one for one in own if not same_name(one[1], frame["name"])]
            else:
                holder = next((one for one, name in holders.items() if same_name(name, frame["name"])), "")
                own.append((holder, frame["name"]))
        if connection_id not in self.gateway.frames:
            self.barred.append((self._where(who), self.names.get(who, ""), self.at + timedelta(seconds=59)))
            self._gone(who)

    def _hear(self, who: str, told: list[str]) -> None:
        for event in map(json.loads, told):
            if event["event"] == "warning":
                assert event["code"] in set(WARNINGS) - {"unavailable"}
                assert event["message"]["ru"]
            if event["event"] == "chat.named":
                self.names[who] = event["name"]
                assert not self._is_barred(who, event["name"])

    def _is_barred(self, who: str, name: str) -> bool:
        where = self._where(who)
        known = (until > self.at for place, barred, until in self.barred if place == where and same_name(barred, name))
        return (
            any(known) if who in GUESTS else any(until > self.at for place, _, until in self.barred if place == where)
        )

    def _blocks(self, by: str, sender: str, name: str) -> bool:
        listed = self.blocked.get(by, [])
        kinds = ("", "guest#") if sender.startswith("guest#") else ("",)  # a name binds users where nobody was meant
        return any(
            key == sender or (key.partition("#")[0] + "#" * ("#" in key) in kinds and same_name(one, name))
            for key, one in listed
        )

    def _person(self, who: str) -> str:
        return f"user#{who}" if who in USERS else f"guest#{self.open[who]}"

    def _where(self, who: str) -> str:
        return f"user#{who}" if who in USERS else SOURCES[who]

    def _gone(self, who: str) -> None:
        del self.open[who]
        self.names.pop(who, None)


FRAMES: dict[str, Any] = {
    "name": lambda name: {"action": "chat.name", "name": name},
    "tell": lambda to, text: {"action": "chat.send", "to": to, "text": text},
    "tell user": lambda to, text: {"action": "chat.send", "user_id": to, "text": text},
    "block": lambda name: {"action": "chat.block", "name": name},
    "unblock": lambda name: {"action": "chat.unblock", "name": name},
}


SCENES: dict[str, list[tuple[Any, ...]]] = {
    "a flood, and again": [
        *(("come", "anna"), ("name", "anna", "Anna"), ("come", "g1"), ("name", "g1", "g0"), ("flood", "g1", "Anna")),
        *(("come", "g1"), ("name", "g1", "g0\u200b"), ("come", "g2"), ("name", "g2", "Вера"), ("flood", "g2", "Anna")),
        *(("come", "g2"), ("come", "g3"), ("name", "g3", "g0"), ("wait", 100), ("come", "g2"), ("name", "g2", "g0")),
    ],
    "a block, and other names": [
        *(("come", "anna"), ("name", "anna", "Anna"), ("come", "g1"), ("name", "g1", "g0"), ("block", "anna", "g0")),
        *(("tell", "g1", "Anna", "а"), ("name", "g1", "Вера"), ("tell", "g1", "Anna", "б"), ("leave", "g1")),
        *(
            ("come", "g3"),
            ("name", "g3", "go"),
            ("tell", "g3", "anna", "в"),
            ("come", "boris"),
            ("name", "boris", "Нора"),
        ),
        *(
            ("name", "g3", "Hopa"),
            ("tell user", "boris", "anna", "г"),
            ("unblock", "anna", "g0"),
            ("tell", "g3", "Anna", "д"),
        ),
    ],
    "a user's flood": [
        *(
            ("come", "boris"),
            ("name", "boris", "Борис"),
            ("come", "g3"),
            ("name", "g3", "Вера"),
            ("flood", "boris", "Вера"),
        ),
        *(
            ("come", "boris"),
            ("wait", 100),
            ("come", "boris"),
            ("tell", "boris", "Вера", "снова"),
            ("flood", "boris", "Вера"),
        ),
        *(("wait", 20), ("come", "boris"), ("wait", 20), ("come", "boris"), ("wait", 20), ("come", "boris")),
    ],
}


@pytest.fixture
def empty_room(gateway: Gateway) -> Iterator[Callable[[], Room]]:
    """Makes a room in which nobody has ever been."""

    def make() -> Room:
        gateway.frames.clear()
        for table in (ConnectionRow, PersonRow, NameRow):
            for row in table.scan():
                row.delete()
        return Room(gateway)

    yield make
    new_process()


@pytest.mark.parametrize("scene", SCENES)
def test_the_chat_keeps_its_word_in_a_scene(empty_room: Callable[[], Room], scene: str) -> None:
    room = empty_room()
    for step in SCENES[scene]:
        room.take(step)
    assert bool(room.barred) == ("flood" in scene)


@settings(
    max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(steps=st.lists(STEPS, min_size=5, max_size=20))
def test_whatever_people_do_the_chat_keeps_its_word(
    empty_room: Callable[[], Room], steps: list[tuple[Any, ...]]
) -> None:
    """Promise I5: no fault, no message twice or to who has blocked, no two like names at once, no way round a bar."""
    room = empty_room()
    for who in PEOPLE:
        room.take(("come", who))
    for step in steps:
        room.take(step)
