"""The live side on the local cloud, over real WebSockets, as docs/live.md promises.

`bench/live_talk.py` measures the times.
"""

import contextlib
import json
import os
import signal
import time
from typing import Any

import pytest

from infra.local.cloud import LocalCloud
from tests.e2e.conftest import Vestnik, eventually
from tests.e2e.sockets import Client, guest, refused, ticket_url, user
from tests.e2e.workers import worker_pids

pytestmark = pytest.mark.e2e

PROMO = {"headline": "Сегодня", "text": "Вход свободный", "url": "https://cinema.example/p"}


def notify(vestnik: Vestnik, user_id: str, headline: str = "Сегодня") -> str:
    body = {
        "template": "promo",
        "channels": ["live"],
        "recipients": [{"user_id": user_id}],
        "context": {**PROMO, "headline": headline},
    }
    answer = vestnik.call("POST", "/v1/notifications", body)
    assert answer.status_code == 202, answer.text
    return str(answer.json()["notifications"][0]["id"])


def status_of(vestnik: Vestnik, notification_id: str) -> str:
    return str(vestnik.call("GET", f"/v1/notifications/{notification_id}").json()["status"])


def present(client: Client) -> set[str]:
    """Who is here; waits a little first, as whoever asks too often is muted."""
    time.sleep(0.5)
    return set(client.ask("?", "Здесь: ").removeprefix("Здесь: ").split(", "))


def test_the_first_words_come_without_typing(vestnik: Vestnik) -> None:
    with guest(vestnik) as client:
        assert client.ask("", "Представьтесь!")
        assert client.ask("Первый", "Здравствуйте, Первый!")


def test_two_people_talk(vestnik: Vestnik) -> None:
    with guest(vestnik, "Анна") as anna, guest(vestnik, "Борис") as boris:
        assert {"Анна", "Борис"} <= present(anna)
        anna.send("Борис: привет")
        assert boris.until("Сообщение") == "Сообщение от Анна (гость): привет"
        boris.send("Анна: и тебе")
        assert anna.until("Сообщение") == "Сообщение от Борис (гость): и тебе"


def test_a_taken_name_is_asked_for_again(vestnik: Vestnik) -> None:
    with guest(vestnik, "Виктор"), guest(vestnik) as other:
        assert other.ask("виктор", "занято").endswith("Представьтесь!")
        assert other.ask("Вера", "Здравствуйте, Вера!")


@pytest.mark.parametrize(
    ("frame", "expected"),
    [
        ("привет", "Нет двоеточия"),
        (": привет", "Нет имени"),
        ("Анна:", "Нет текста"),
        (b"\xd0\xbf\xff\xfe: x", "Это не UTF-8"),  # in a binary frame: in a text one the gateway itself ends it (1007)
        ("Анна: " + "x" * 40_000, "Слишком большое"),
        ('{"action":', "Это не JSON"),
        ('{"action": "fly"}', "Нет такого действия"),
        ('{"action": "$disconnect"}', "Нет такого действия"),
        ('{"action": "$connect"}', "Нет такого действия"),
        ('{"action": "chat.send", "to": "Анна"}', "Ожидается поле text"),
        ("Никто: привет", "нет никого с именем Никто"),
    ],
)
def test_a_malformed_message_is_answered_and_the_connection_goes_on(
    vestnik: Vestnik, frame: str | bytes, expected: str
) -> None:
    name = f"Путаник {len(expected)} {len(frame)}"
    with guest(vestnik, name) as client:
        client.send(frame)
        assert client.until(expected)
        assert name in present(client)


def test_whoever_closes_or_is_cut_off_leaves_the_list(vestnik: Vestnik) -> None:
    with guest(vestnik, "Сторож") as watcher:
        with guest(vestnik, "Глеб"):
            assert "Глеб" in present(watcher)
        assert eventually(lambda: "Глеб" not in present(watcher))
        with guest(vestnik, "Дина") as cut_off:
            cut_off.cut()
            assert eventually(lambda: "Дина" not in present(watcher))


def test_many_connections_of_a_user_are_one_name(vestnik: Vestnik) -> None:
    with user(vestnik, "ada", name="Ада") as first, user(vestnik, "ada") as second, guest(vestnik, "Егор") as other:
        assert present(other) >= {"Ада", "Егор"}
        other.send("Ада: всем")
        assert first.event("chat.message")["text"] == second.event("chat.message")["text"] == "всем"


def test_a_ticket_opens_once_and_a_foreign_page_never(vestnik: Vestnik) -> None:
    url = ticket_url(vestnik, "tick")
    assert refused(url, origin="https://evil.example")
    assert not refused(url)
    assert refused(url)
    assert refused(vestnik.cloud.ws_url + "?ticket=wrong")


def test_a_notification_reaches_every_window_of_its_user(vestnik: Vestnik) -> None:
    with user(vestnik, "live-1") as first, user(vestnik, "live-1") as second:
        sent = notify(vestnik, "live-1")
        seen = [client.event("notification") for client in (first, second)]
        assert [(s["id"], s["title"], s["unread"]) for s in seen] == [(sent, "Сегодня", 1)] * 2
        assert eventually(lambda: status_of(vestnik, sent) == "sent")
        first.send({"action": "inbox.read", "ids": [sent]})
        assert second.event("inbox.unread")["unread"] == 0


def test_what_came_while_nobody_was_there_is_resumed_in_order(vestnik: Vestnik) -> None:
    with user(vestnik, "live-2") as client:
        first = notify(vestnik, "live-2", "Раз")
        cursor = client.event("notification")["cursor"]
    missed = []
    for headline in ("Два", "Три"):
        missed.append(notify(vestnik, "live-2", headline))
        assert eventually(lambda: status_of(vestnik, missed[-1]) == "sent")
    with user(vestnik, "live-2") as client:
        client.send({"action": "resume", "cursor": cursor})
        answer = client.event("resumed")
        assert [entry["id"] for entry in answer["entries"]] == missed
    page = vestnik.call("GET", "/v1/users/live-2/inbox").json()
    assert [entry["id"] for entry in page["entries"]] == [*reversed(missed), first]
    assert vestnik.call("POST", "/v1/users/live-2/inbox/read", {"all": True}).json() == {"unread": 0}


def test_notifications_sent_at_once_come_without_a_gap(vestnik: Vestnik) -> None:
    with user(vestnik, "live-3") as client:
        sent = {notify(vestnik, "live-3", f"Новость {n}") for n in range(12)}
        seen = [client.event("notification") for _ in sent]
    assert {one["id"] for one in seen} == sent
    assert {int(one["cursor"]) for one in seen} == set(range(1, 13))


def test_a_connection_that_died_unnoticed_harms_no_delivery(vestnik: Vestnik) -> None:
    table = vestnik.cloud.account.session.resource("dynamodb", endpoint_url=vestnik.cloud.emulator_url)
    with user(vestnik, "live-4") as client:
        # A record of a connection that the gateway has forgotten, as after a crash of the $disconnect worker.
        people, connections = (table.Table(f"vestnik-local-live-{name}") for name in ("people", "connections"))
        row: dict[str, Any] = people.get_item(Key={"person": "user#live-4"})["Item"]
        [own] = row["connections"]
        record = connections.get_item(Key={"connection_id": own})["Item"]
        connections.put_item(Item={**record, "connection_id": "gone"})
        people.update_item(
            Key={"person": "user#live-4"},
            UpdateExpression="ADD connections :c",
            ExpressionAttributeValues={":c": {"gone"}},
        )
        sent = notify(vestnik, "live-4")
        assert client.event("notification")["id"] == sent
        assert eventually(lambda: status_of(vestnik, sent) == "sent")
        assert eventually(lambda: people.get_item(Key={"person": "user#live-4"})["Item"]["connections"] == {own})
        assert "Item" not in connections.get_item(Key={"connection_id": "gone"})


def test_a_blocked_person_is_not_heard_and_not_told(vestnik: Vestnik) -> None:
    with user(vestnik, "zoya", name="Зоя") as anna, user(vestnik, "ilya", name="Илья") as boris:
        anna.send("block Илья")
        assert anna.event("chat.blocked")["names"] == ["Илья"]
        boris.send({"action": "chat.send", "to": "Зоя", "text": "слышишь?"})
        assert boris.event("chat.sent")["to"] == "Зоя"
        anna.send("unblock Илья")
        anna.event("chat.blocked")
        boris.send({"action": "chat.send", "to": "Зоя", "text": "а теперь?"})
        assert anna.event("chat.message")["text"] == "а теперь?"


def test_the_demo_page_gives_tickets_to_known_users(vestnik: Vestnik) -> None:
    vestnik.call("PUT", "/v1/users/demo-1", {"name": "Demo"})
    page = vestnik.call("GET", "/live-demo", key="")
    assert page.status_code == 200
    assert vestnik.cloud.emulator_url.removeprefix("http") in page.headers["Content-Security-Policy"]
    answer = vestnik.call("POST", "/live-demo/tickets", {"user_id": "demo-1"}, key="")
    assert json.loads(answer.text)["url"].startswith(vestnik.cloud.ws_url)
    assert vestnik.call("POST", "/live-demo/tickets", {"user_id": "nobody"}, key="").status_code == 404


def test_presence_is_right_after_every_worker_was_killed(vestnik: Vestnik) -> None:
    with guest(vestnik, "Фаина") as watcher:
        with guest(vestnik, "Харитон"):
            assert {"Фаина", "Харитон"} <= present(watcher)
            kill_workers(vestnik.cloud)
        assert eventually(lambda: "Харитон" not in present(watcher))
        assert "Фаина" in present(watcher)
        with guest(vestnik, "Харитон") as again:  # the name is free too
            assert {"Фаина", "Харитон"} <= present(again)


def kill_workers(cloud: LocalCloud) -> None:
    """kill -9 to every Lambda process of this cloud, and to no other."""
    pids = worker_pids(cloud)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert pids
    eventually(lambda: not set(pids) & set(worker_pids(cloud)))
