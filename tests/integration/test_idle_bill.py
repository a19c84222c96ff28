"""The bill of an idle month in the runbook is that of what is deployed: a new alarm, metric or queue changes it."""

from typing import Any

import pytest

from bench import idle, prices


def test_the_runbook_has_the_bill_of_what_is_deployed() -> None:
    found = idle.PLACE.search(idle.PAGE.read_text(encoding="utf-8"))
    assert found
    assert found[0] == found[1] + idle.table() + found[2], "run python -m bench.idle"


@pytest.mark.parametrize(
    ("kind", "properties", "more"),
    [
        ("CloudWatch::Alarm", {"MetricName": "Errors"}, prices.ALARM),
        ("CloudWatch::Alarm", {"Metrics": [{"MetricStat": {}}, {"MetricStat": {}}, {}]}, 2 * prices.ALARM),
        ("CloudWatch::Dashboard", {}, prices.DASHBOARD),
        ("Lambda::EventSourceMapping", {}, 657_000 * prices.SQS / 1e6),
    ],
)  # fmt: skip
def test_what_is_added_to_a_stack_is_on_the_bill(
    monkeypatch: pytest.MonkeyPatch, kind: str, properties: dict[str, Any], more: float
) -> None:
    before, known = sum(one.dollars for one in idle.rows()), idle.resources("prod")
    added = {"Type": f"AWS::{kind}", "Properties": properties}
    monkeypatch.setattr(idle, "resources", lambda _stage: [*known, added])

    assert sum(one.dollars for one in idle.rows()) == pytest.approx(before + more)
