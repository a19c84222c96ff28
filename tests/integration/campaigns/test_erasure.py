"""Who was erased while a campaign waited gets no letter of it, and the run still comes to its end."""

import pytest

from chalicelib.wiring import campaign_desk as wiring_campaign_desk
from chalicelib.wiring import own_say as wiring_own_say
from tests.integration.campaigns.conftest import ANNA, Desk, PostOffice

FILE = b"email,name\nfirst@example.com,Fyodor\nolga@example.com,Olga\nguest@example.com,Gregory\n"


@pytest.mark.parametrize("waits", ["paused", "canary"])
def test_who_is_erased_while_their_chunk_is_parked_gets_nothing(desk: Desk, office: PostOffice, waits: str) -> None:
    """Promise C4: while the campaign is paused, and until a canary is released."""
    control = wiring_campaign_desk.campaign_control()
    canary = {"canary_percent": 30} if waits == "canary" else {}
    campaign_id = desk.start(audience={"list_id": desk.load_list(FILE)}, **canary)
    if waits == "paused":
        desk.pump.run("fanout")
        control.pause(campaign_id, by=ANNA)
    desk.pump.run()
    assert office.addresses == (["first@example.com"] if waits == "canary" else [])
    wiring_own_say.address_data().erase("email", "GUEST@example.com")
    if waits == "paused":
        control.resume(campaign_id, by=ANNA)
    else:
        control.release_canary(campaign_id, by=ANNA)
    desk.forget_states()
    desk.finish()

    assert sorted(office.addresses) == ["first@example.com", "olga@example.com"]
    assert desk.progress(campaign_id).skipped == {"erased": 1}
