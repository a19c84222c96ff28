"""How much is in the queues, for the eyes of people."""

from chalicelib.flow.dead_letters import DEAD_SECONDS, KNOWN_SECONDS, QueueDepths
from chalicelib.stage.app import Stage
from tests.integration.conftest import Pump


def test_depths_are_two_seconds_old_at_most_and_dead_letters_ten(pump: Pump) -> None:
    seconds = [100.0]
    depths = QueueDepths(Stage.own().queues, monotonic=lambda: seconds[0])
    assert (depths.read()["retry"].waiting, depths.read()["retry"].dead) == (0, 0)
    pump.put("retry", "{}")
    pump.put("retry-dlq", "{}")
    assert depths.read()["retry"].waiting == 0
    seconds[0] += KNOWN_SECONDS
    assert (depths.read()["retry"].waiting, depths.read()["retry"].dead) == (1, 0)
    seconds[0] += DEAD_SECONDS
    assert depths.read()["retry"].dead == 1
    pump.put("retry-dlq", "{}")
    assert depths.dead()["retry"] == 2
    assert depths.read()["retry"].dead == 2
