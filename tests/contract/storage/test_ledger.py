"""The ledger: requests, notifications, deliveries and what is counted of them."""

from datetime import UTC, datetime, timedelta

import pytest

from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.errors import InvalidError, NotFoundError
from chalicelib.reasons import Reason
from chalicelib.service_scope import EVERYTHING, Sight
from chalicelib.states import Engagement
from chalicelib.storage import notifications, requests
from chalicelib.storage.enlisting import record_notifications
from chalicelib.storage.frequency_caps import FrequencyCaps
from chalicelib.storage.ledger import Ledger
from chalicelib.storage.new_links import Link
from chalicelib.storage.notifications import Notification
from chalicelib.storage.requests import StoredEvent, StoredRequest
from chalicelib.storage.run_progress import read_counts
from chalicelib.storage.runs import PlannedRun
from chalicelib.storage.short_links import ShortLinks
from tests.ledgers import engage, heard, letters_of, told_delivered

AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)
NAME = "2026-03-02T10:00:00.000000Z"
IDS = [f"{n:08x}-0000-4000-8000-000000000001" for n in range(6)]


def ledger() -> Ledger:
    return Ledger(clock=lambda: AT, retention_days=90)


def key(n: int = 0) -> DeliveryKey:
    return DeliveryKey(IDS[n], "email")


def claim(n: int = 0, owner: str = "w-1") -> Move:
    return Move(key(n), S.CALLING, owner=owner, lease_until=AT + timedelta(minutes=2), attempt=1)


def asked(request_id: str = IDS[0], *, due_at: str | None = None) -> StoredRequest:
    return StoredRequest(
        id=request_id,
        created_at=NAME,
        caller="shop",
        body_hash="h",
        letter={"template": "promo", "context": {"name": "Anna"}},
        channels=["email"],
        recipients=[{"user_id": "anna"}, {"email": "guest@example.com"}],
        send_at=due_at,
        due_at=due_at,
        expires_at_epoch=1_900_000_000,
    )


def noted(n: int, owner: str = "anna", *, at: str = NAME, service: str | None = None) -> None:
    alike = Notification(
        id="",
        created_at=at,
        request_id=IDS[0],
        template="promo",
        template_version=1,
        category="marketing",
        lane="instant",
        channels=["email"],
        recipient={},
        service=service,
        expires_at_epoch=1_900_000_000,
    )
    record_notifications(alike, [(IDS[n], {"user_id": owner}, owner)])


def test_of_two_workers_one_claims_and_the_other_is_told_so(database: str) -> None:
    assert ledger().move([claim(owner="w-1")]) == {}
    assert ledger().move([claim(owner="w-1")]) == {}  # the same once more: its reply was lost

    [refusal] = ledger().move([claim(owner="w-2")]).values()

    assert refusal.status == S.CALLING


def test_only_the_owner_of_a_claim_records_its_outcome(database: str) -> None:
    ledger().move([claim()])
    assert ledger().move([Move(key(), S.SENT, owner="another", provider_id="m-1")]).keys() == {key()}
    assert ledger().move([Move(key(), S.SENT, owner="w-1", provider_id="m-1")]) == {}

    found = ledger().read(key())

    assert found is not None
    assert (found.status, found.provider_id, found.lease_until) == (S.SENT, "m-1", None)
    assert [event["status"] for event in found.timeline] == ["calling", "sent"]


def test_the_better_informed_verdict_holds_in_whichever_order(database: str) -> None:
    for n, order in enumerate([(S.DELIVERED, S.COMPLAINED), (S.COMPLAINED, S.DELIVERED)]):
        ledger().move([claim(n)])
        ledger().move([Move(key(n), S.SENT, owner="w-1")])
        for status in order:
            heard(ledger(), key(n), status, "complaint" if status is S.COMPLAINED else None)

    assert {one.status for one in ledger().states([key(0), key(1), key(2)]).values()} == {"complained"}


def test_a_run_is_counted_by_its_letters(database: str) -> None:
    run = "c@2026-03-02T10:00:00Z"
    keys = letters_of(run, 3)
    ledger().move([claim()._replace(key=one) for one in keys])
    ledger().move([Move(one, S.SENT, owner="w-1") for one in keys[:2]])
    ledger().move([Move(keys[2], S.FAILED, "bad_address", owner="w-1")])
    heard(ledger(), keys[0], S.DELIVERED)

    [counts] = read_counts([PlannedRun(run, NAME, shards=1, channels=1)])
    assert +counts.words == {"delivered": 1, "sent": 1, "failed#bad_address": 1}


def test_what_was_opened_before_it_was_delivered_was_a_machine(database: str) -> None:
    ledger().move([claim()])
    ledger().move([Move(key(), S.SENT, owner="w-1")])
    assert engage(ledger(), key(), Engagement.OPENED, at=AT) is True
    assert engage(ledger(), key(), Engagement.OPENED, at=AT) is False
    assert ledger().states([key()])[key()].engaged

    told_delivered(ledger(), key(), "2026-03-02T10:00:05Z")

    assert not ledger().states([key()])[key()].engaged


def test_uncertain_deliveries_are_listed_until_somebody_decides(database: str) -> None:
    for n in range(3):
        ledger().move([claim(n)])
        ledger().move([Move(key(n), S.UNCERTAIN, Reason.UNCONFIRMED, owner="w-1")])
    first, cursor = ledger().uncertain(limit=2, cursor=None)
    rest, last = ledger().uncertain(limit=2, cursor=cursor)
    assert ({one.key for one in (*first, *rest)}, last) == ({key(n) for n in range(3)}, None)

    ledger().move([Move(first[0].key, S.SENT, Reason.ASSUMED_BY_HAND, by_hand=True)])

    left, _ = ledger().uncertain(limit=9, cursor=None)
    assert first[0].key not in {one.key for one in left}
    with pytest.raises(InvalidError):
        ledger().uncertain(limit=2, cursor="bm90IG91cnM")


def test_a_request_is_recorded_once_and_released_when_it_is_due(database: str) -> None:
    due = asked(due_at="2026-03-03T10:00:00Z")
    assert requests.record_request(due) is None
    assert requests.record_request(due) == due == requests.read_request(due.id)
    shard = int(due.id[:8], 16) % requests.DUE_SHARDS
    assert requests.due_requests(shard, until="2026-03-02T10:00:00Z") == []
    assert requests.due_requests(shard, until="2026-03-03T10:00:00Z") == [due.id]

    requests.release_request(due.id)

    assert requests.due_requests(shard, until="2026-03-03T10:00:00Z") == []
    assert [one.id for one in requests.read_requests([due.id, IDS[1]])] == [due.id]


def test_an_erased_recipient_leaves_the_places_of_the_others(database: str) -> None:
    requests.record_request(asked())
    requests.forget_recipients(IDS[0], lambda one: one.get("user_id") == "anna")
    found = requests.read_request(IDS[0])
    assert found is not None
    assert (found.recipients, found.letter["context"]) == ([{}, {"email": "guest@example.com"}], {"name": "Anna"})

    requests.forget_recipients(IDS[0], lambda one: "email" in one)

    found = requests.read_request(IDS[0])
    assert found is not None
    assert found.letter["context"] == {}


def test_an_event_is_recorded_once(database: str) -> None:
    event = StoredEvent(
        id=IDS[0],
        created_at=NAME,
        caller="shop",
        body_hash="h",
        steps=[{"template": "welcome"}],
        editions=[[1, None]],
        taken_at=None,
        expires_at_epoch=1_900_000_000,
    )
    assert requests.record_event(event) == event
    requests.note_event_taken(event.id, at=NAME)

    again = requests.record_event(event)

    assert again == requests.read_event(event.id)
    assert again.taken_at == NAME


def test_notifications_are_found_by_owner_newest_first_and_by_day(database: str) -> None:
    for n in range(3):
        noted(n, at=f"2026-03-02T1{n}:00:00Z")
    ledger().move([claim(2)])

    page, cursor = notifications.of_owner("anna", limit=2, cursor=None)
    rest, _ = notifications.of_owner("anna", limit=2, cursor=cursor)
    of_day, reached = notifications.newest(AT - timedelta(hours=1), AT + timedelta(hours=9), None)

    assert [one.id for one in (*page, *rest)] == [IDS[2], IDS[1], IDS[0]] == [one.id for one in of_day]
    assert reached is None
    [(_, [delivery]), *others] = notifications.with_deliveries(page, EVERYTHING)
    assert (delivery.status, [found for _, found in others]) == (S.CALLING, [[]])


def test_a_service_sees_only_its_own(database: str) -> None:
    noted(0, service="shop")
    noted(1, service="other")
    page, _ = notifications.of_owner("anna", limit=9, cursor=None)

    assert [one.id for one, _ in notifications.with_deliveries(page, Sight("shop"))] == [IDS[0]]
    assert notifications.only_in_sight(IDS[:2], Sight("other")) == {IDS[1]}


def test_an_erased_notification_names_nobody_and_is_found_by_its_id_alone(database: str) -> None:
    noted(0)
    assert notifications.requests_of("anna") == {IDS[0]: IDS[0]}

    notifications.forget_recipient(IDS[0])

    found = notifications.read_notification(IDS[0])
    assert found is not None
    assert (found.recipient, found.owner, notifications.requests_of("anna")) == ({}, None, {})


def test_a_cap_counts_each_letter_once_for_each_of_its_owners(database: str) -> None:
    caps = FrequencyCaps(clock=lambda: AT)
    for _ in range(2):
        assert caps.take("marketing", {"a": ["anna", "hash"], "b": ["anna"]}, letters=2, days=7) == frozenset()
    assert caps.take("marketing", {"c": ["anna"], "d": ["hash"]}, letters=2, days=7) == {"c"}
    assert caps.of("anna") == {"marketing": ["a", "b"]}

    caps.erase("anna")

    assert caps.of("anna") == {}


def test_an_address_gets_one_letter_of_a_run_and_so_many_in_a_window(database: str) -> None:
    caps = FrequencyCaps(clock=lambda: AT)
    assert caps.take_of_run("c@1", {"a": "hash", "b": "hash", "c": "other"}) == {"b"}
    assert caps.take_of_run("c@1", {"a": "hash", "d": "other"}) == {"d"}
    assert caps.take_of_run("c@1", {"b": "hash", "a": "hash", "e": "third"}) == {"b"}
    taken = [caps.take_in_window("account#welcome", "hash", n, letters=2, minutes=60) for n in ("x", "y", "z", "x")]
    assert taken == [True, True, False, True]


def test_a_link_counts_people_and_machines_until_it_is_revoked(database: str) -> None:
    book = ShortLinks(clock=lambda: AT)
    book.write(
        [
            Link(
                code="code",
                kind="short",
                user_id="anna",
                email=None,
                redirect_url="https://cinema.example/",
                notification_id=IDS[0],
                channel="email",
                campaign_id=None,
                valid_until=AT + timedelta(days=1),
            )
        ]
    )
    book.visit("code", bot=True)

    link = book.visit("code", bot=False)

    assert (link.visits, link.bot_visits, link.first_visited_at) == (1, 1, NAME)
    assert [one.code for one in book.of_user("anna")] == ["code"]
    book.revoke("code")
    with pytest.raises(NotFoundError):
        book.peek("code")
