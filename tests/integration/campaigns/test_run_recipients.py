"""The list of a run's recipients: each once, in its state and for its reason, page by page."""

import json
from collections import Counter
from typing import Any

import pytest

from chalicelib.accounts.api_keys import Scope, create_key
from chalicelib.channels.port import Outcome, Verdict
from chalicelib.clock import rfc3339
from chalicelib.deliveries import DeliveryKey
from chalicelib.stage.app import Stage
from chalicelib.states import Engagement
from chalicelib.storage.cursor import write_cursor
from tests.integration.api.gateway import Gateway, gateway
from tests.integration.campaigns.conftest import Desk, PostOffice, StandingClock, Viewers
from tests.ledgers import engage

REFUSED = Outcome(Verdict.REFUSED, reason="rejected")


@pytest.fixture
def api(clock: StandingClock) -> Gateway:
    """The API, called by a manager who may do everything."""
    return gateway()


@pytest.fixture
def path(desk: Desk, viewers: Viewers, office: PostOffice) -> str:
    """Of a finished run with 60 recipients: three without an address, two refused by the provider."""
    viewers(60, lambda n: {"email": None} if n < 3 else {})
    for n in (3, 4):
        office.verdicts[address_of(n)] = REFUSED
    campaign = desk.start()
    desk.finish()
    return path_of(desk, campaign)


@pytest.fixture
def small(desk: Desk, viewers: Viewers, office: PostOffice) -> str:
    """Of a finished run with two recipients."""
    viewers(2)
    campaign = desk.start()
    desk.finish()
    return path_of(desk, campaign)


def address_of(n: int) -> str:
    user = sorted(Stage.own().directory.page(segment=0, segments=1, cursor=None, limit=500)[0], key=lambda one: one.id)
    return str(user[n].email)


def path_of(desk: Desk, campaign: str) -> str:
    return f"/v1/campaigns/{campaign}/runs/{desk.runs(campaign)[0].run_id}/recipients"


def all_of(api: Gateway, path: str, **query: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        page = api.get(path, **query, **cursor)
        assert page.status == 200, page.text
        assert len(page.body["recipients"]) <= int(query.get("limit", "100"))
        found += page.body["recipients"]
        if page.body["cursor"] is None:
            return found
        cursor = {"cursor": page.body["cursor"]}


@pytest.mark.parametrize("limit", ["1", "7", "50", "1000"])
def test_every_recipient_is_there_once_whatever_the_pages(api: Gateway, path: str, limit: str) -> None:
    """Promise D3."""
    found = all_of(api, path, limit=limit)

    assert len(found) == len({one["notification_id"] for one in found}) == 60
    assert len({one["recipient"]["user_id"] for one in found}) == 60
    assert Counter((one["status"], one["reason"]) for one in found) == {
        ("sent", None): 55,
        ("skipped", "no_address"): 3,
        ("failed", "rejected"): 2,
    }
    assert {one["channel"] for one in found} == {"email"}


def test_the_list_says_of_each_what_its_own_page_says(api: Gateway, path: str) -> None:
    """Promise D3."""
    for one in all_of(api, path, limit="40"):
        letter = api.get(f"/v1/notifications/{one['notification_id']}").body
        (delivery,) = letter["deliveries"]
        assert (letter["recipient"], delivery["status"], delivery["reason"]) == (
            one["recipient"], one["status"], one["reason"])  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({"status": "sent"}, 55),
        ({"status": "skipped"}, 3),
        ({"status": "failed", "reason": "rejected"}, 2),
        ({"reason": "no_address"}, 3),
        ({"status": "sent", "reason": "no_address"}, 0),
        ({"status": "delivered"}, 0),
        ({"channel": "email", "status": "failed"}, 2),
    ],
)
def test_a_part_is_asked_for_by_state_reason_and_channel(
    api: Gateway, path: str, query: dict[str, str], found: int
) -> None:
    assert len(all_of(api, path, **query, limit="2")) == found


def test_whose_letter_waits_is_there_too(api: Gateway, desk: Desk, viewers: Viewers, office: PostOffice) -> None:
    viewers(3)
    office.verdicts[address_of(0)] = Outcome(Verdict.NOT_ACCEPTED, reason="throttled")
    campaign = desk.start()
    desk.pump.run()

    found = all_of(api, path_of(desk, campaign))

    assert Counter(one["status"] for one in found) == {"sent": 2, "processing": 1}


GUESTS = "email,name\nguest@xn--80adxhks.example,Гость\nmax.mustermann@example.com,Max\n"


def test_somebody_of_an_uploaded_list_is_found_by_the_address_however_it_is_written(api: Gateway, desk: Desk) -> None:
    """An address of a list is in no directory: the letter's id follows from it."""
    campaign = desk.start(audience={"list_id": desk.load_list(GUESTS.encode())})
    desk.finish()
    path = path_of(desk, campaign)

    for q in ("guest@xn--80adxhks.example", " GUEST@Москва.example ", "guest@москва.EXAMPLE\u200b"):
        (one,) = api.get(path, q=q).body["recipients"]
        assert (one["recipient"]["email"], one["status"]) == ("guest@xn--80adxhks.example", "sent"), q
    assert api.get(path, q="guests@xn--80adxhks.example").body == {"recipients": [], "cursor": None}
    assert api.post("/v1/addresses/erase", {"email": "max.mustermann@example.com"}).status == 204
    assert api.get(path, q="max.mustermann@example.com").body["recipients"] == []


def test_a_user_is_found_by_id_by_address_and_by_their_letter(api: Gateway, path: str) -> None:
    (whole,) = [one for one in all_of(api, path) if one["recipient"]["user_id"] == "u-00007"]

    for q in ("u-00007", "U-00007@Example.com", whole["notification_id"]):
        assert api.get(path, q=q).body["recipients"] == [whole]
    for q in ("u-00077", "nobody@example.com", "u-0000", "%"):
        assert api.get(path, q=q).body["recipients"] == []
    assert api.get(path, q="u-00007", status="skipped").body["recipients"] == []
    assert api.get(path, q="u-00003", status="failed", reason="rejected").body["recipients"] != []


def test_they_are_found_in_a_resend_too(api: Gateway, desk: Desk, path: str, office: PostOffice) -> None:
    office.verdicts.clear()
    desk.clock.pass_(minutes=5)
    Stage.own().resend.begin(path.split("/")[3], by="anna", run=None, reasons=["rejected"])
    desk.finish()

    (one,) = api.get(path_of(desk, path.split("/")[3]), q="u-00004").body["recipients"]

    assert (one["recipient"], one["status"]) == ({"user_id": "u-00004"}, "sent")


def test_who_opened_clicked_and_unsubscribed_is_shown_and_asked_for(api: Gateway, desk: Desk, path: str) -> None:
    ids = [one["notification_id"] for one in all_of(api, path, status="sent")]
    at = desk.clock()
    did = {"opened": ids[:5], "clicked": ids[3:5], "unsubscribed": ids[4:5], "machine_opened": ids[5:9]}
    for what, letters in did.items():
        for one in letters:
            engage(Stage.own().ledger, DeliveryKey(one, "email"), Engagement(what), at=at)

    found = {what: all_of(api, path, engagement=what, limit="2") for what in ("opened", "clicked", "unsubscribed")}

    assert {what: {one["notification_id"] for one in some} for what, some in found.items()} == {
        what: set(did[what]) for what in found
    }
    assert all(one["clicked_at"] == one["opened_at"] == rfc3339(at) for one in found["clicked"])
    assert [one["clicked_at"] for one in found["opened"]].count(None) == 3
    assert api.get(path, engagement="machine_opened").bad_fields


def test_an_erased_recipient_stays_without_a_name(api: Gateway, small: str) -> None:
    (first, *_) = all_of(api, small)
    assert api.delete(f"/v1/users/{first['recipient']['user_id']}").status == 204

    (same, *others) = all_of(api, small)
    assert same == {**first, "recipient": {}}
    assert all(one["recipient"] for one in others)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"status": "gone"}, "status"),
        ({"limit": "0"}, "limit"),
        ({"limit": "1001"}, "limit"),
        ({"limit": "ten"}, "limit"),
        ({"channel": "sms"}, "channel"),
        ({"reason": ""}, "reason"),
        ({"cursor": "x"}, "cursor"),
        ({"state": "sent"}, "state"),
    ],
)
def test_what_is_wrong_is_named(api: Gateway, small: str, query: dict[str, str], field: str) -> None:
    answer = api.get(small, **query)

    assert (answer.status, set(answer.bad_fields)) == (422, {field})


def test_a_cursor_opens_its_own_list_alone(api: Gateway, small: str) -> None:
    cursor = api.get(small, limit="1").body["cursor"]
    assert api.get(small, limit="5", cursor=cursor).status == 200

    for other in ({"status": "sent"}, {"reason": "no_address"}, {"channel": "email"}):
        assert api.get(small, cursor=cursor, **other).status == 422


@pytest.mark.parametrize("after", [None, [], [0, "a"], ["0", "a", 0], [0, 1, 0], [0, "~", 0], [0, "E", 0], [-1, "", 0],
                                   [0, "", -1], [0, "", 0.5], [0, "", 0, 0]], ids=json.dumps)  # fmt: skip
def test_a_place_that_no_list_has_is_refused(api: Gateway, small: str, after: Any) -> None:
    run_id = small.split("/")[-2]
    scope = f"{run_id}#[]#None#None"
    assert api.get(small, cursor=write_cursor({"after": [0, "", 0]}, scope=scope)).status == 200

    assert api.get(small, cursor=write_cursor({"after": after}, scope=scope)).status == 422


def test_a_run_that_is_not_the_campaigns_is_not_there(api: Gateway, desk: Desk, small: str) -> None:
    _, _, _, campaign, _, run, _ = small.split("/")
    other = desk.start()
    for one, of in ((run, other), (f"{campaign}@2026-01-01T00:00:00Z", campaign), (campaign, campaign), ("x@y", "x")):
        assert api.get(f"/v1/campaigns/{of}/runs/{one}/recipients").status == 404


def test_a_service_reads_the_runs_of_its_own_campaigns(api: Gateway, small: str) -> None:
    """The campaign is a manager's: only who may read all services' letters sees it."""
    assert Gateway(create_key("shop", [Scope.READ])).get(small).status == 404
    assert Gateway(create_key("shop", [Scope.CAMPAIGNS_READ_ALL])).get(small).status == 403
    assert Gateway(create_key("shop", [Scope.READ, Scope.READ_ALL])).get(small).status == 200


def test_a_resent_run_lists_whom_it_wrote_to(api: Gateway, desk: Desk, path: str, office: PostOffice) -> None:
    campaign = path.split("/")[3]
    office.verdicts.clear()
    desk.clock.pass_(minutes=5)
    Stage.own().resend.begin(campaign, by="anna", run=None, reasons=["rejected"])
    desk.finish()

    found = all_of(api, path_of(desk, campaign))

    assert [(one["status"], one["reason"]) for one in found] == [("sent", None)] * 2
