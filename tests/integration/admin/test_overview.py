"""The figures on the first page."""

from chalicelib.stage.app import Stage
from tests.integration.admin.conftest import Visitor


def test_the_delivery_rate_counts_what_has_an_outcome(boss: Visitor) -> None:
    """Promise G6: of ten letters sent three have arrived, one came back, and of six nothing is known yet: 75 %."""
    Stage.own().hourly_stats.add({"sent": 10, "delivery": 3, "bounce": 1})
    assert "75.0%" in boss.get("/admin").text


def test_without_an_outcome_there_is_no_rate(boss: Visitor) -> None:
    Stage.own().hourly_stats.add({"sent": 10})
    assert '<dd class="figure">—</dd>' in boss.get("/admin").text
