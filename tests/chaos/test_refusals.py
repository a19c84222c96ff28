"""The provider refuses a campaign's letters in its middle: because of us, or for a reason that nobody knows."""

from typing import Any

import pytest

from tests.chaos.rig import Rig
from tests.e2e.conftest import eventually

pytestmark = pytest.mark.e2e
LETTERS, RATE, SLOWLY = 400, 400, 25  # so that the middle is long enough to break something in it


def campaign(rig: Rig, campaign_id: str) -> dict[str, Any]:
    answer: dict[str, Any] = rig.vestnik.call("GET", f"/v1/campaigns/{campaign_id}").json()
    return answer


def resumed(rig: Rig, campaign_id: str) -> dict[str, Any]:
    """As it is, after a look of a manager, who resumes it: a call from before the repair may pause it once more."""
    now = campaign(rig, campaign_id)
    if now["state"] == "paused":
        assert rig.vestnik.call("POST", f"/v1/campaigns/{campaign_id}/resume").status_code == 200
    return now


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

    rig.fault("refuse", text="The message was rejected because it contained a virus.")
    eventually(lambda: campaign(rig, campaign_id)["state"] == "paused")
    assert rig.progress(campaign_id)["failed"] == 20

    rig.forgive()
    rig.control("POST", "limits/ses.bulk", {"rate_per_second": RATE})
    eventually(rig.ticking(lambda: resumed(rig, campaign_id)["state"] == "completed"))
    assert rig.progress(campaign_id)["sent"] == LETTERS - 20
    assert rig.vestnik.call("POST", f"/v1/campaigns/{campaign_id}/resend").status_code == 200
    eventually(rig.ticking(lambda: 0 not in rig.copies(addresses).values()))
    eventually(rig.ticking(lambda: campaign(rig, campaign_id)["state"] == "completed"))
    assert set(rig.copies(addresses).values()) == {1}
