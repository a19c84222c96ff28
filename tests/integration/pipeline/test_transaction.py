"""One transaction over several deliveries: worded once, written with each one's own key and value."""

from pynamodb.expressions.update import Action

from chalicelib.deliveries import DeliveryKey, Move, S
from chalicelib.storage.ledger_transaction import OWN_VALUE, Expected, Wording, Writes
from chalicelib.storage.rows.ledger import DELIVERY_PREFIX, DeliveryRow

IDS = [f"00000000-0000-4000-8000-00000000000{n}" for n in range(3)]


THERE, NONE_YET = Expected(None), Expected(None, new=True)


def sending(notification_id: str, provider_id: str) -> Move:
    return Move(DeliveryKey(notification_id, "email"), S.SENT, provider_id=provider_id)


def claiming(notification_id: str) -> Move:
    return Move(DeliveryKey(notification_id, "email"), S.CALLING)


def sent() -> Wording:
    actions: list[Action] = [DeliveryRow.status.set("sent"), DeliveryRow.provider_id.set(OWN_VALUE)]
    return actions, DeliveryRow.status.does_not_exist()


def new() -> DeliveryRow:
    return DeliveryRow("", "", status="calling", timeline=[], created_at="2026-11-26T12:00:00Z")


def test_what_is_changed_alike_is_worded_once_and_keeps_its_own_value(stage: None) -> None:
    asked: list[str] = []

    def word() -> Wording:
        asked.append("sent")
        return sent()

    writes = Writes()
    for n, one in enumerate(IDS):
        writes.move(sending(one, f"m-{n}"), THERE, make=new, word=word)
    assert writes.write(DeliveryKey(IDS[0], "email")) is None
    rows = [DeliveryRow.get(one, DELIVERY_PREFIX + "email") for one in IDS]
    assert [(row.status, row.provider_id) for row in rows] == [("sent", f"m-{n}") for n in range(3)]
    assert asked == ["sent"]


def test_a_failed_condition_stops_all_and_names_its_delivery(stage: None) -> None:
    first = Writes()
    first.move(sending(IDS[0], "m-0"), THERE, make=new, word=sent)
    first.write(DeliveryKey(IDS[0], "email"))
    second = Writes()
    for one in IDS:
        second.move(sending(one, "m-1"), THERE, make=new, word=sent)
    reasons = second.write(DeliveryKey(IDS[0], "email"))
    assert [reason is not None for reason in reasons or ()] == [True, False, False]
    assert DeliveryRow.get(IDS[0], DELIVERY_PREFIX + "email").provider_id == "m-0"


def test_what_is_made_alike_is_worded_once_and_only_where_there_is_none(stage: None) -> None:
    made: list[str] = []

    def make() -> DeliveryRow:
        made.append("calling")
        return new()

    writes = Writes()
    for one in IDS:
        writes.move(claiming(one), NONE_YET, make=make, word=sent)
    assert writes.write(DeliveryKey(IDS[0], "email")) is None
    assert [DeliveryRow.get(one, DELIVERY_PREFIX + "email").status for one in IDS] == ["calling"] * 3
    assert made == ["calling"]


def test_reasons_come_in_the_order_of_the_writes(stage: None) -> None:
    known = Writes()
    known.move(claiming(IDS[2]), NONE_YET, make=new, word=sent)
    known.write(DeliveryKey(IDS[0], "email"))
    writes = Writes()
    writes.move(sending(IDS[0], "m-0"), THERE, make=new, word=sent)
    writes.move(claiming(IDS[1]), NONE_YET, make=new, word=sent)
    writes.move(sending(IDS[2], "m-2"), THERE, make=new, word=sent)  # PynamoDB writes updates after puts
    reasons = writes.write(DeliveryKey(IDS[0], "email"))
    assert [reason is not None for reason in reasons or ()] == [False, False, True]
    assert not list(DeliveryRow.query(IDS[1]))
