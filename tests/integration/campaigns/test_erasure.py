"""Who was erased while a campaign waited gets no letter of it, and the run still comes to its end."""

import pytest

from chalicelib.campaigns import list_loader
from chalicelib.campaigns.list_loader import ListLoader
from chalicelib.stage.app import Stage
from chalicelib.storage import list_index
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.storage.list_addresses import ListAddresses
from chalicelib.storage.rows.campaigns import ListRow
from tests.integration.campaigns.conftest import ANNA, Desk, OneFile, PostOffice
from tests.integration.control.requests_made import Requests

FILE = b"email,name\nfirst@example.com,Fyodor\nolga@example.com,Olga\nguest@example.com,Gregory\n"


@pytest.mark.parametrize("waits", ["paused", "canary"])
def test_who_is_erased_while_their_chunk_is_parked_gets_nothing(desk: Desk, office: PostOffice, waits: str) -> None:
    """Promise C4: while the campaign is paused, and until a canary is released."""
    control = Stage.own().campaign_commands
    canary = {"canary_percent": 30} if waits == "canary" else {}
    campaign_id = desk.start(audience={"list_id": desk.load_list(FILE)}, **canary)
    if waits == "paused":
        desk.pump.run("fanout")
        control.pause(campaign_id, by=ANNA)
    desk.pump.run()
    assert office.addresses == (["first@example.com"] if waits == "canary" else [])
    Stage.own().address_data.erase("email", "GUEST@example.com")
    if waits == "paused":
        control.resume(campaign_id, by=ANNA)
    else:
        control.release_canary(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()

    assert sorted(office.addresses) == ["first@example.com", "olga@example.com"]
    assert desk.progress(campaign_id).skipped == {"erased": 1}


def test_an_address_is_exported_from_and_taken_off_long_lists_with_few_requests(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Promise C4: however many lists there are, and however long: no list is read whole."""
    monkeypatch.setattr(list_loader, "BLOCK_ROWS", 2)
    monkeypatch.setattr(list_index, "ROWS_A_PAGE", 10)
    rows = [f"u-{n}@example.com" for n in range(60)]
    ids = [desk.load_list("\n".join(["email", *rows, "Guest@example.com"]).encode()) for _ in range(8)]
    other = desk.load_list(b"email\nu-1@example.com\n")

    requests = Requests()
    assert sorted(one["list_id"] for one in ListAddresses().rows_of("guest@EXAMPLE.com")) == sorted(ids)
    assert requests.count() <= 3
    requests = Requests()
    ListAddresses().forget("guest@EXAMPLE.com")
    assert requests.count() <= 3 + 2 * len(ids)  # a block and a page of each list that has the address

    assert ListAddresses().rows_of("guest@example.com") == []
    assert {one["list_id"] for one in ListAddresses().rows_of("u-1@example.com")} == {*ids, other}
    requests = Requests()
    ListAddresses().forget("guest@example.com")
    assert requests.count() <= 3


def test_two_addresses_of_one_block_are_erased_at_once(desk: Desk) -> None:
    """Promise C4: neither erasure brings the other's address back."""
    list_id = desk.load_list(FILE)
    store = Stage.own().lists
    met: list[str] = []

    def another_is_erased_meanwhile(**_: object) -> None:
        if not met:
            met.append("once")
            ListAddresses().forget("olga@example.com")

    dynamodb().client.meta.events.register_first("before-call.dynamodb.UpdateItem", another_is_erased_meanwhile)
    ListAddresses().forget("guest@example.com")

    assert [one["email"] for one in store.block(list_id, 0) or []] == ["first@example.com"]
    assert ListAddresses().rows_of("olga@example.com") == ListAddresses().rows_of("guest@example.com") == []


def test_an_address_is_taken_off_a_list_that_is_being_read(desk: Desk) -> None:
    """Promise C4: what is there of it has no index yet; and a list that failed keeps nothing."""
    list_id = desk.load_list(FILE)
    store, row = Stage.own().lists, Stage.own().lists.get(desk.load_list(FILE))
    ListRow(row.list_id, "head").update(actions=[ListRow.state.set("loading")])
    for part in [one for one in ListRow.scan() if one.part.startswith("index#") and one.list_id == row.list_id]:
        part.delete()
    ListAddresses().forget("guest@example.com")
    assert [len(store.block(one, 0) or []) for one in (list_id, row.list_id)] == [2, 2]

    failed = store.add("Guests", by=ANNA).list_id
    loader = ListLoader(lists=store, uploads=OneFile(FILE + b'"never closed,x\n' * 9))
    assert loader.load(failed) == "failed"
    assert {one.part for one in ListRow.scan() if one.list_id == failed} == {"head"}


def test_a_deleted_list_leaves_no_index(desk: Desk) -> None:
    Stage.own().lists.delete(desk.load_list(FILE))
    assert list(ListRow.scan()) == []
