"""One poisonous row among those that wait, for a digest, for their time or for a look: it ends by itself."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chalicelib.clock import new_id, now, rfc3339
from chalicelib.deliveries import DeliveryKey, DeliveryStatus, Move
from chalicelib.pipeline.requests import NotificationRequest
from chalicelib.pipeline.retry import RetryJob
from chalicelib.profiles.model import User
from chalicelib.profiles.preferences import Preferences
from chalicelib.stage.app import Stage
from chalicelib.storage.rows.digests import DigestRow
from chalicelib.storage.rows.ledger import LedgerRow, RequestRow
from chalicelib.storage.rows.people import PreferencesRow
from functions import tick
from tests.integration.conftest import Letters, Pump
from tests.integration.pipeline.test_containment import raw_put
from tests.integration.pipeline.test_deliver import job
from tests.integration.poison import spoil
from tests.ledgers import raw_delivery, state
from tests.processes import compose

some = settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
SERIES = {"series": "The Lighthouse", "season": 2, "episode": 5, "title": "Low", "url": "https://cinema.example/2"}
DAILY = Preferences.model_validate({"digests": {"series": {"every": "day"}}})


def collected(pump: Pump, user: str) -> str:
    request = {"template": "new-episode", "context": SERIES, "recipients": [{"user_id": user}]}
    asked = NotificationRequest.model_validate(request)
    return Stage.own().accept.accept(asked, caller="shop", key=None)[0].id


@given(data=st.data())
@some
def test_a_letter_that_nobody_can_read_holds_up_no_digest(
    pump: Pump, letters: Letters, monkeypatch: pytest.MonkeyPatch, data: Any
) -> None:
    """Promise I1: neither the others of its user, nor those of other users."""
    anna, boris = f"anna-{new_id()}", f"boris-{new_id()}"
    Stage.own().directory.put_many([User(id=one, email=f"{one}@example.com") for one in (anna, boris)])
    for user in (anna, boris):
        Stage.own().preferences.put(user, DAILY)
    compose(clock=now)
    ids = [collected(pump, anna), collected(pump, anna), collected(pump, boris)]
    pump.run("enrich-instant")
    assert {state(one) for one in ids} == {("waiting", "digest")}
    model, item, names = data.draw(
        st.sampled_from(
            [
                (
                    DigestRow,
                    DigestRow.get(anna, ids[0]).serialize(),
                    ["letter", "context", "channels", "locale", "fate"],
                ),
                raw_delivery(ids[0]),
            ]
        )
    )
    raw_put(model, data.draw(spoil(item, names)))
    compose(clock=lambda: now() + timedelta(days=1))

    Stage.own().digest_queue.release()
    assert pump.run() == []

    assert [state(one) for one in ids[1:]] == [("skipped", "in_digest")] * 2
    sent = Counter(address for letter in letters() for address in letter["to"])
    assert (sent[f"{anna}@example.com"], sent[f"{boris}@example.com"]) == (1, 1)
    assert list(DigestRow.query(anna)) == []
    if model is DigestRow:
        assert (state(ids[0]) or ("",))[0] in {"failed", "skipped"}


def test_a_line_that_cannot_be_rendered_is_left_out_with_its_reason(
    pump: Pump, letters: Letters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise I1: the digest goes without it, never with the name of a template."""
    anna = f"anna-{new_id()}"
    Stage.own().directory.put_many([User(id=anna, email=f"{anna}@example.com")])
    Stage.own().preferences.put(anna, DAILY)
    ids = [collected(pump, anna), collected(pump, anna)]
    pump.run("enrich-instant")
    row = DigestRow.get(anna, ids[0])
    row.update(actions=[DigestRow.context.set({**SERIES, "series": {"no": "text"}})])
    compose(clock=lambda: now() + timedelta(days=1))

    Stage.own().digest_queue.release()
    assert pump.run() == []

    assert [state(one) for one in ids] == [("failed", "template_error"), ("skipped", "in_digest")]
    [letter] = [one for one in letters() if f"{anna}@example.com" in one["to"]]
    assert "new-episode" not in letter["body"]


@given(data=st.data())
@some
def test_a_user_whose_preferences_cannot_be_read_gets_no_digest_and_ends(
    pump: Pump, monkeypatch: pytest.MonkeyPatch, data: Any
) -> None:
    """Promise I1."""
    anna = f"anna-{new_id()}"
    compose(clock=now)
    Stage.own().directory.put_many([User(id=anna, email=f"{anna}@example.com")])
    Stage.own().preferences.put(anna, DAILY)
    one = collected(pump, anna)
    pump.run("enrich-instant")
    stored = PreferencesRow.get(anna).serialize()
    raw_put(PreferencesRow, data.draw(spoil(stored, ["preferences"])))
    compose(clock=lambda: now() + timedelta(days=1))

    Stage.own().digest_queue.release()
    assert pump.run() == []

    assert (state(one) or ("",))[0] in {"failed", "skipped"}
    assert list(DigestRow.query(anna)) == []


@given(data=st.data())
@some
def test_a_request_that_nobody_can_read_holds_up_no_tick(pump: Pump, data: Any) -> None:
    """Promise I1: it stays where it is, counted and named."""
    for n in range(3):
        people = [{"email": f"{n}-{new_id()}@example.com"}]
        asked = {"template": "new-episode", "context": SERIES, "recipients": people}
        request = NotificationRequest.model_validate({**asked, "send_at": rfc3339(now() + timedelta(hours=1))})
        Stage.own().accept.accept(request, caller="shop", key=None)
    rows = [row for row in LedgerRow.scan() if isinstance(row, RequestRow) and row.due_at]
    due = {"due_at": {"S": rfc3339(now())}}
    names = ["letter", "channels", "recipients", "caller", "created_at"]
    # `created_at` is a key of an index: DynamoDB itself takes nothing but a text there, and no empty one.
    spoiled = spoil({**rows[0].serialize(), **due}, names).filter(
        lambda item: item.get("created_at", {"S": "-"}).get("S")
    )
    raw_put(LedgerRow, data.draw(spoiled))
    for row in rows[1:]:
        raw_put(LedgerRow, {**row.serialize(), **due})

    tick.handler({}, None)

    waiting = RequestRow.due_at.exists()
    left = [item["notification_id"]["S"] for item in LedgerRow._get_connection().scan(waiting)["Items"]]
    assert set(left) <= {rows[0].notification_id}
    for one in left:
        RequestRow(one, "request").delete()


@given(data=st.data())
@some
def test_a_delivery_that_nobody_can_read_holds_up_no_reconciliation(pump: Pump, data: Any) -> None:
    """Promise I1: a copy of its job waits for a person."""
    one = job(3)
    past = now() - timedelta(hours=1)
    keys = [DeliveryKey(r.notification_id, "email") for r in one.recipients]
    claims = [Move(key, DeliveryStatus.CALLING, owner="a", lease_until=past, attempt=1) for key in keys]
    Stage.own().ledger.move(claims)
    model, item, names = raw_delivery(keys[0])
    raw_put(model, data.draw(spoil(item, names)))
    aside = RetryJob(kind="reconcile", queue="deliver-email", body=one.model_dump_json(), not_before=rfc3339(past))

    Stage.own().reconcile.take(aside)

    assert [state(key.notification_id) for key in keys[1:]] == [("uncertain", "unconfirmed")] * 2
