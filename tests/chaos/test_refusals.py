"""The provider refuses a campaign's letters in its middle: because of us, or for a reason that nobody knows."""

import pytest

from tests.chaos.rig import Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e
LETTERS, RATE, SLOWLY = 400, 400, 25  # so that the middle is long enough to break something in it


def state(rig: Rig, campaign_id: str) -> str:
    return str(rig.vestnik.call("GET", f"/v1/campaigns/{campaign_id}").json()["state"])


def test_a_dkim_record_that_is_lost_in_the_middle_of_a_campaign_costs_no_letter(rig: Rig) -> None:
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": SLOWLY})
    addresses = rig.addresses(LETTERS)
    campaign_id = rig.campaign(addresses, rate_per_second=RATE)
    eventually(rig.ticking(lambda: rig.stats()["accepted"] >= 50))

    rig.trouble(unverified=["cinema.example"])
    eventually(lambda: rig.control("GET", "switches/ses")["state"] == "open")
    assert rig.control("GET", "switches/ses")["reason"].startswith(
        "provider_not_verified: MessageRejected: Email address is not verified"
    )
    sent = rig.stats()["accepted"]
    assert sent < LETTERS
    assert rig.progress(campaign_id)["failed"] == 0

    rig.trouble()
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": RATE})
    rig.control("POST", "switches/ses", {"state": "closed", "reason": "the record is back", "ramp": False})
    eventually(rig.ticking(lambda: rig.progress(campaign_id)["sent"] == LETTERS))
    assert set(rig.copies(addresses).values()) == {1}
    assert rig.progress(campaign_id)["failed"] == 0


def test_a_campaign_that_is_refused_letter_by_letter_stops_at_twenty_and_ends_after_the_repair(rig: Rig) -> None:
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": SLOWLY})
    addresses = rig.addresses(LETTERS)
    campaign_id = rig.campaign(addresses, rate_per_second=RATE)
    eventually(rig.ticking(lambda: rig.stats()["accepted"] >= 50))

    with rig.paused("deliver-email-bulk"):
        rig.come_to_rest("deliver-email-bulk")  # no call is refused by half
        rig.fault("refuse", text="The message was rejected because it contained a virus.")
    eventually(lambda: state(rig, campaign_id) == "paused")
    rig.come_to_rest("deliver-email-bulk")  # a refusal from before the repair would count after it
    assert rig.progress(campaign_id)["failed"] == 20

    rig.forgive()
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": RATE})
    assert rig.vestnik.call("POST", f"/v1/campaigns/{campaign_id}/resume").status_code == 200
    eventually(rig.ticking(lambda: state(rig, campaign_id) == "completed"))
    assert rig.progress(campaign_id)["sent"] == LETTERS - 20
    assert rig.vestnik.call("POST", f"/v1/campaigns/{campaign_id}/resend").status_code == 200
    eventually(rig.ticking(lambda: 0 not in rig.copies(addresses).values()))
    eventually(rig.ticking(lambda: state(rig, campaign_id) == "completed"))
    assert set(rig.copies(addresses).values()) == {1}
