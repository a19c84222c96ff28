"""How much lies in the queues, for the eyes of people."""

import boto3

from chalicelib.control.depths import DEAD_SECONDS, QueueDepths
from chalicelib.settings import settings
from tests.integration.conftest import Pump


def test_depths_are_of_now_and_dead_letters_of_a_moment_ago(pump: Pump) -> None:
    seconds = [100.0]
    depths = QueueDepths(boto3.client("sqs"), settings().resource(""), monotonic=lambda: seconds[0])
    assert (depths.read()["retry"].waiting, depths.read()["retry"].dead) == (0, 0)
    pump.put("retry", "{}")
    pump.put("retry-dlq", "{}")
    assert (depths.read()["retry"].waiting, depths.read()["retry"].dead) == (1, 0)
    seconds[0] += DEAD_SECONDS
    assert depths.read()["retry"].dead == 1
    pump.put("retry-dlq", "{}")
    assert depths.dead()["retry"] == 2
    assert depths.read()["retry"].dead == 2
