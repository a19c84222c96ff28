"""Guests: marked in every message, counted by network and by whom they write to, barred beyond a connection."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from itertools import count

import pytest

from chalicelib.channels.live import Notice
from chalicelib.clock import now
from chalicelib.live.guests import GuestRules, source_network
from chalicelib.stage.app import Stage
from chalicelib.storage.live_people import FIRST_SECONDS
from chalicelib.storage.rows.live import ConnectionRow, PersonRow
from tests.integration.live.conftest import Come, Gateway, flood
from tests.processes import compose

RULES = GuestRules()
HOME, CAFE = "192.0.2.7", "198.51.100.9"
Later = Callable[[float], None]
_numbers = count()


@pytest.fixture
def later(gateway: Gateway) -> Later:
    """Puts the clock of the limits on; it stands still in between, at the beginning of ten minutes."""
    moment = [now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)]

    def clock() -> datetime:
        return moment[0]

    def wait(seconds: float) -> None:
        moment[0] += timedelta(seconds=seconds)

    compose(clock=clock)
    return wait


def guest(gateway: Gateway, name: str, *, source: str = HOME, **query: str) -> str:
    """A guest of this name; the id of the connection."""
    connection_id = f"{name}-{source}-{next(_numbers)}"  # no gateway gives an id twice
    assert gateway.connect(connection_id, source=source, **query) == 200
    gateway.send(connection_id, name)
    return connection_id


def heard(gateway: Gateway, connection_id: str, word: str) -> int:
    return sum(word in frame for frame in gateway.frames[connection_id])


def test_guests_are_marked_in_every_message_and_users_are_not(gateway: Gateway, come: Come) -> None:
    """Promise I5."""
    anna = come("anna", name="Анна", format="json")
    boris = come("boris", name="Борис")
    vera = guest(gateway, "Вера", format="json")
    gateway.send(vera, "Анна: я гость")
    gateway.send(vera, "Борис: я гость")
    told = json.loads(gateway.frames[anna][-1])
    assert (told["from"], told["guest"]) == ("Вера", True)
    assert gateway.frames[boris][-1] == "Сообщение от Вера (гость): я гость"
    gateway.send(boris, "Анна: а я нет")
    assert json.loads(gateway.frames[anna][-1])["guest"] is False
    listed = json.loads(gateway.send(anna, "?")[-1])
    assert (listed["names"], listed["guests"]) == (["Анна", "Борис", "Вера"], ["Вера"])
    named = [json.loads(frame) for frame in gateway.frames[vera] if "chat.named" in frame]
    assert [one["guest"] for one in named] == [True]


@pytest.mark.parametrize("alike", ["anna", "Аnnа", "Anna\u034f", "Anna\ufe0f", "A n n a", "Ａnna", "\u3164Anna"])
def test_a_guest_cannot_be_taken_for_a_user_who_is_here(gateway: Gateway, come: Come, alike: str) -> None:
    """Promise I5."""
    come("anna", name="Anna")
    gateway.connect("g")
    [answer] = gateway.send("g", alike)
    assert answer.endswith("Представьтесь!")
    assert gateway.send("g", "?") != ["Здесь: Anna, Anna"]


@pytest.mark.parametrize("alike", ["Anna", "A n n a", "ANNA", "Anna\u0332"])
def test_a_guest_gives_a_users_name_to_the_user(gateway: Gateway, come: Come, alike: str) -> None:
    """Promise I5."""
    other = guest(gateway, alike)
    watcher = guest(gateway, "Сосед", format="json")
    anna = come("anna", name="Anna")
    assert gateway.frames[anna][-1] == "Здравствуйте, Anna!"
    assert gateway.frames[other][-1].endswith("занято. Представьтесь!")
    assert gateway.ask(watcher, {"action": "chat.who"})["names"] == ["Anna", "Сосед"]
    gateway.send(watcher, "Anna: это вы?")
    assert heard(gateway, anna, "это вы?") == 1
    assert gateway.send(other, "Борис") == ["Здравствуйте, Борис!"]


def test_a_user_gives_a_name_to_nobody(gateway: Gateway, come: Come) -> None:
    come("anna", name="Anna")
    second = come("boris", name="anna")
    assert gateway.frames[second][-1].endswith("занято. Представьтесь!")


def test_names_that_look_alike_as_they_are_written_exclude_each_other(gateway: Gateway) -> None:
    """Promise I5."""
    nora = guest(gateway, "Нора")
    gateway.connect("g")
    assert "занято" in gateway.send("g", "Hopa")[0]
    gateway.close(nora)
    assert gateway.send("g", "Hopa") == ["Здравствуйте, Hopa!"]
    assert gateway.send("g", '{"action": "chat.name", "name": "Ольга"}')
    gateway.connect("h")
    assert gateway.send("h", "Нора") == ["Здравствуйте, Нора!"]


@pytest.mark.parametrize("back", ["g0", "g0\u034f", "go", "G0", "g 0", "ｇ０"])
def test_a_blocked_guest_is_not_heard_under_any_name_that_looks_the_same(
    gateway: Gateway, come: Come, back: str
) -> None:
    """Promise I5."""
    anna = come("anna", name="Анна")
    first = guest(gateway, "g0")
    gateway.send(anna, "block g0")
    gateway.close(first)
    again = guest(gateway, back, source=CAFE)
    gateway.send(again, "Анна: это снова я")
    assert heard(gateway, anna, "снова") == 0


def test_a_blocked_guest_who_takes_another_name_is_not_heard(gateway: Gateway, come: Come) -> None:
    anna, boris = come("anna", name="Анна"), guest(gateway, "Борис", format="json")
    gateway.send(anna, "block Борис")
    gateway.ask(boris, {"action": "chat.name", "name": "Добряк"})
    gateway.send(boris, "Анна: это снова я")
    assert heard(gateway, anna, "снова") == 0
    other = guest(gateway, "Вера")
    gateway.send(other, "Анна: а я Вера, и снова из той же сети")
    assert heard(gateway, anna, "снова") == 1


def test_who_misuses_a_users_name_gets_a_guest_blocked_and_not_the_user(gateway: Gateway, come: Come) -> None:
    """Promise I5."""
    anna, false = come("anna", name="Анна"), guest(gateway, "Вера")
    gateway.send(anna, "block Вера")
    vera = come("vera", name="Вера")
    gateway.send(vera, "Анна: я настоящая")
    gateway.send(false, "Верка")
    gateway.send(false, "Анна: а я нет")
    assert (heard(gateway, anna, "настоящая"), heard(gateway, anna, "а я нет")) == (1, 0)


def test_the_guests_of_a_network_share_what_they_may_say_to_one_person(
    gateway: Gateway, come: Come, later: Later
) -> None:
    """Promise I5."""
    victim = come("anna", name="Анна")
    crowd = [guest(gateway, f"Сосед{n}") for n in range(6)]
    said = [gateway.send(one, f"Анна: купи слона {n}") for n in range(6) for one in crowd]
    assert heard(gateway, victim, "слона") == RULES.to_one
    assert "Анна пока не отвечает" in said[-1][0]
    later(60)
    gateway.send(crowd[0], "Анна: прошла минута")
    assert heard(gateway, victim, "минута") == 1


def test_the_guests_of_many_networks_share_a_person_too_and_users_are_still_heard(
    gateway: Gateway, come: Come, later: Later
) -> None:
    """Promise I5."""
    victim, friend = come("anna", name="Анна"), come("boris", name="Борис")
    for n in range(2 * RULES.all_to_one // RULES.to_one):
        one = guest(gateway, f"Сосед{n}", source=f"2001:db8:0:{n}::1")
        for word in range(RULES.to_one):
            gateway.send(one, f"Анна: купи слона {word} {n}")
    assert heard(gateway, victim, "слона") == RULES.all_to_one
    gateway.send(friend, "Анна: это Борис")
    assert heard(gateway, victim, "это Борис") == 1


def test_whom_a_person_has_answered_may_go_on(gateway: Gateway, come: Come, later: Later) -> None:
    anna, vera = come("anna", name="Анна"), guest(gateway, "Вера")
    gateway.send(anna, "Вера: здравствуйте")
    for n in range(3 * RULES.to_one):
        later(1)
        gateway.send(vera, f"Анна: слово {n}")
    assert heard(gateway, anna, "слово") == 3 * RULES.to_one


def test_an_answer_opens_no_door_for_ever(gateway: Gateway, come: Come, later: Later) -> None:
    """Promise I5."""
    anna, vera = come("anna", name="Анна"), guest(gateway, "Вера")
    gateway.send(anna, "Вера: здравствуйте")
    later(RULES.answer_seconds)
    for n in range(3 * RULES.to_one):
        later(1)
        gateway.send(vera, f"Анна: слово {n}")
    assert heard(gateway, anna, "слово") == RULES.to_one


def test_all_messages_of_a_networks_guests_are_bounded(gateway: Gateway, come: Come, later: Later) -> None:
    people = [come(f"u{n}", name=f"Сосед{n}") for n in range(4)]
    for _ in range(RULES.messages - 2):
        Stage.own().guests.counts.take(f"count#say#{HOME}", times=RULES.messages, minutes=1)
    vera = guest(gateway, "Вера")
    assert gateway.send(vera, "Сосед0: последнее") == []
    assert gateway.send(vera, "Сосед1: лишнее")[0].startswith("Гости из вашей сети")
    assert gateway.send(guest(gateway, "Глеб", source=CAFE), "Сосед1: из кафе") == []
    assert heard(gateway, people[1], "Сообщение") == 1


def test_the_new_guests_of_a_network_are_bounded_and_users_of_it_are_not(
    gateway: Gateway, come: Come, later: Later
) -> None:
    for _ in range(RULES.connections):
        Stage.own().guests.enter(HOME)
    assert gateway.connect("one-more", source=HOME) == 429
    assert gateway.connect("elsewhere", source=CAFE) == 200
    come("anna", source=HOME)
    later(60)
    assert gateway.connect("one-more", source=HOME) == 200


@pytest.mark.parametrize("back", ["Хам", "ХАМ", "Х а м", "Xам", "Хам\u200b"])
def test_a_flood_clients_bar_outlives_its_connection(gateway: Gateway, come: Come, later: Later, back: str) -> None:
    """Promise I5."""
    victim = come("anna", name="Анна")
    flood(gateway, guest(gateway, "Хам"), "Анна")
    before = heard(gateway, victim, "слона")
    assert gateway.connect("again", source=HOME) == 200
    [refused] = gateway.send("again", back)
    assert refused.startswith(("Вы молчите ещё", "В имени смешаны"))
    gateway.send("again", "Анна: купи слона")
    assert heard(gateway, victim, "слона") == before
    other = guest(gateway, "Хам", source=CAFE)
    assert gateway.frames[other][-1] == "Здравствуйте, Хам!"


def test_a_mute_outlives_the_connection_of_a_guest(gateway: Gateway, come: Come, later: Later) -> None:
    """Promise I5."""
    come("anna", name="Анна")
    first = guest(gateway, "Хам")
    for n in range(50):
        said = gateway.send(first, f"Анна: купи слона {n}")
        if any("Вы молчите" in frame for frame in said):
            break
    gateway.close(first)
    second = guest(gateway, "Хам")
    assert gateway.frames[second][-1].startswith("Вы молчите ещё")
    gateway.close(second)
    later(15)
    assert gateway.frames[guest(gateway, "Хам")][-1] == "Здравствуйте, Хам!"


def test_bars_grow_and_are_forgotten(gateway: Gateway, later: Later) -> None:
    """Promise I5."""
    bars, lengths = Stage.own().live_people, []
    for _ in range(8):
        bars.lengthen("bar#x")
        lengths.append(bars.seconds_barred(["bar#x"]))
        later(lengths[-1])
    assert lengths == [60, 120, 240, 480, 960, 1920, 3600, 3600]
    later(3600)
    bars.lengthen("bar#x")
    assert bars.seconds_barred(["bar#x", "bar#y"]) == FIRST_SECONDS
    assert bars.seconds_barred(["bar#y"]) == 0


def test_many_flood_clients_of_one_network_close_the_door_for_its_guests_alone(
    gateway: Gateway, come: Come, later: Later
) -> None:
    """Promise I5."""
    victim, neighbour = come("anna", name="Анна"), guest(gateway, "Тихий")
    for name in ("Хам", "Грубиян"):
        flood(gateway, guest(gateway, name), "Анна")
    assert heard(gateway, victim, "слона") <= RULES.to_one
    assert gateway.connect("under-another-name", source=HOME) == 429
    assert gateway.connect("from-elsewhere", source=CAFE) == 200
    come("boris", source=HOME)
    assert gateway.send(neighbour, "?")[0].startswith("Здесь: ")
    later(FIRST_SECONDS)
    assert gateway.connect("under-another-name", source=HOME) == 200


def test_a_mute_shortens_no_bar(gateway: Gateway, later: Later) -> None:
    bars = Stage.own().live_people
    bars.lengthen("bar#x")
    bars.bar("bar#x", seconds=15)
    assert bars.seconds_barred(["bar#x"]) == FIRST_SECONDS


def test_a_users_bar_grows_with_every_flood(gateway: Gateway, come: Come, later: Later) -> None:
    come("anna", name="Анна")
    lefts = []
    for n in range(3):
        flood(gateway, come("spam", connection=f"spam-{n}", name="Хам"), "Анна")
        lefts.append(Stage.own().live_people.seconds_barred(["user#spam"]))
        later(lefts[-1])
    assert lefts == [60, 120, 240]


@pytest.mark.parametrize("seconds", [1, 31])  # of the mute, and after it
def test_a_users_bar_is_of_the_chat_alone_and_on_all_devices(
    gateway: Gateway, come: Come, later: Later, seconds: int
) -> None:
    """Promise I5."""
    anna = come("anna", name="Анна")
    flooder, device = come("spam", name="Хам"), come("spam", connection="device")
    flood(gateway, flooder, "Анна")
    later(seconds)
    before, again = len(gateway.frames[anna]), come("spam", connection="again", name="Хам", format="json")
    for one, frame in ((again, "Анна: и снова"), (device, "Анна: и отсюда"), (device, "?"), (device, "unblock Вера")):
        later(1)
        assert "молчите ещё" in gateway.send(one, frame)[-1]
    assert len(gateway.frames[anna]) == before
    assert gateway.ask(device, {"action": "ping"})["event"] == "pong"
    assert gateway.ask(again, {"action": "resume", "cursor": "0"})["event"] == "resumed"
    Stage.own().announce.announce([Notice("n-1", "spam", {"title": "Новая серия"})])
    assert all("Новая серия" in gateway.frames[one][-1] for one in (again, device))


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:0DB8:1:2::ffff", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", "unknown"),
        ("no address", "unknown"),
        (None, "unknown"),
    ],
)
def test_a_network_is_an_ipv4_address_or_half_of_an_ipv6_one(address: str | None, network: str) -> None:
    assert source_network(address) == network


def test_a_guests_network_goes_with_the_connection_and_a_users_is_not_kept(gateway: Gateway, come: Come) -> None:
    anna, vera = come("anna", name="Анна"), guest(gateway, "Вера")
    rows = {row.connection_id: row.network for row in ConnectionRow.scan()}
    assert rows == {anna: None, vera: HOME}
    gateway.close(vera)
    assert [row.connection_id for row in ConnectionRow.scan()] == [anna]
    kept = [row for row in PersonRow.scan() if HOME in row.person or row.person.startswith("guest#")]
    assert all(row.expires_at_epoch for row in kept)
