"""Jobs of a release that this one does not know: it was rolled back, or runs beside the newer one for some minutes."""

import json

import pytest

from chalicelib.manifest import CONSUMERS
from tests.integration.conftest import Pump

NEWER = json.dumps({"v": 4, "kind": "of the future", "letter": {"of": "another shape"}})
OWN = tuple(queue for queue in CONSUMERS if queue != "feedback")  # what comes there is SES's


@pytest.mark.parametrize("queue", OWN)
def test_a_job_of_a_newer_release_waits_for_it_and_uses_up_no_receive(pump: Pump, queue: str) -> None:
    """Promise A5."""
    pump.put(queue, NEWER)

    assert pump.run(queue) == []

    assert pump.waiting(queue if queue == "retry" else "retry") == 1
    assert pump.waiting(f"{queue}-dlq") == 0


@pytest.mark.parametrize("queue", OWN)
def test_it_comes_back_to_its_queue_as_it_was(pump: Pump, queue: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Promise A5."""
    monkeypatch.setattr("chalicelib.pipeline.retry.NEWER_SECONDS", 0.0)
    pump.put(queue, NEWER)

    pump.step(queue, 1)
    pump.step("retry", 1)

    assert pump.bodies(queue) == [NEWER]


def test_what_was_put_aside_by_a_newer_release_waits_too(pump: Pump) -> None:
    """Promise A5."""
    pump.put("retry", json.dumps({"kind": "reconcile", "queue": "deliver-email", "body": NEWER, "not_before": "2026"}))

    assert pump.run("retry") == []

    assert pump.waiting("retry") == 1
