"""Everything deployed is monitored: each queue, worker and switch has its alarms, each alarm is sent and documented."""

import json
import re
from typing import Any

import pytest

from chalicelib.manifest import SUBSYSTEMS
from chalicelib.observability import Line, batch_handler, write_line
from infra.paths import ROOT
from tests.contract.test_code import resources, substituted
from tests.contract.test_infra import _functions as functions
from tests.contract.test_infra import template
from tests.processes import forget_log

__all__ = ["template"]

PREFIX = "vestnik-${Stage}-"
RUNBOOK = ROOT / "docs" / "operations.md"
# What stands for what in the runbook's headings, and the template's list of it.
PLACEHOLDERS = {
    "<queue>": "Queues",
    "<worker>": "Watched",
    "<door>": "Doors",
    "<subsystem>": "Subsystems",
    "<table>": "HotTables",
    "<index>": "HotIndexes",
}


def alarms(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """By name, with the loops expanded."""
    found = [one["Properties"] for one in resources(template) if one["Type"] == "AWS::CloudWatch::Alarm"]
    return {substituted(one["AlarmName"]).removeprefix(PREFIX): one for one in found}


def loop(template: dict[str, Any], name: str) -> list[str]:
    """Over what a loop of the template goes."""
    values: list[str] = template["Resources"][f"Fn::ForEach::{name}"][1]
    return values


def explained(template: dict[str, Any]) -> dict[str, str]:
    """Each alarm that a heading of the runbook stands for, with that heading."""
    headings = re.findall(r"^### `([^`]+)`", RUNBOOK.read_text(encoding="utf-8"), re.MULTILINE)
    found = {}
    for heading in headings:
        names = [heading]
        for placeholder, mapping in PLACEHOLDERS.items():
            things = [one["Name"] for one in template["Mappings"][mapping].values()]
            names = [n.replace(placeholder, thing) for n in names for thing in (things if placeholder in n else [""])]
        found.update(dict.fromkeys(names, heading))
    return found


def test_every_alarm_has_a_section_in_the_runbook_and_every_section_an_alarm(template: dict[str, Any]) -> None:
    assert set(explained(template)) == set(alarms(template))


def test_every_alarm_tells_somebody_when_it_begins_and_when_it_is_over(template: dict[str, Any]) -> None:
    assert {(*one["AlarmActions"], *one["OKActions"]) for one in alarms(template).values()} == {("Alarms", "Alarms")}


@pytest.mark.parametrize(
    ("loop_name", "mapping"),
    [
        ("Queues", "Queues"),
        ("Watched", "Watched"),
        ("Doors", "Doors"),
        ("SwitchAlarms", "Subsystems"),
        ("HotTables", "HotTables"),
    ],
)
def test_a_loop_leaves_nothing_of_its_list_out(template: dict[str, Any], loop_name: str, mapping: str) -> None:
    assert sorted(loop(template, loop_name)) == sorted(template["Mappings"][mapping])


def test_every_worker_is_watched_under_its_own_name(template: dict[str, Any]) -> None:
    named = {logical: substituted(one["FunctionName"]) for logical, one in functions(template).items()}
    watched = {logical: PREFIX + one["Name"] for logical, one in template["Mappings"]["Watched"].items()}
    assert watched == named


def test_every_switch_is_watched(template: dict[str, Any]) -> None:
    assert {one["Name"] for one in template["Mappings"]["Subsystems"].values()} == set(SUBSYSTEMS)


def test_every_worker_may_write_traces_when_that_is_wanted(template: dict[str, Any]) -> None:
    roles = {one["Role"].removesuffix(".Arn") for one in functions(template).values()}
    assert set(template["Resources"]["TracePolicy"]["Properties"]["Roles"]) == roles


def test_every_alarm_on_a_metric_of_ours_watches_one_that_the_code_writes(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    wanted = {substituted(one["MetricName"]) for one in alarms(template).values() if one["Namespace"] == "Vestnik"}
    wanted = {name for pattern in wanted for name in spelled_out(pattern, template)}
    assert wanted <= written_metrics(template, monkeypatch, capsys)


def spelled_out(metric: str, template: dict[str, Any]) -> list[str]:
    """The names that a loop makes of one with its variable in it."""
    for variable, mapping in (
        ("Queue", "Queues"),
        ("Worker", "Watched"),
        ("Door", "Doors"),
        ("Subsystem", "Subsystems"),
    ):
        if f"${{{variable}}}" in metric:
            return [metric.replace(f"${{{variable}}}", logical) for logical in template["Mappings"][mapping]]
    return [metric]


def written_metrics(
    template: dict[str, Any], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> set[str]:
    """The names that come out of the code when every worker has one message of every queue, and the tick looks."""
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "vestnik-test")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Vestnik")
    forget_log()
    for queue in template["Mappings"]["Queues"].values():
        arn = f"arn:aws:sqs:eu-central-1:123456789012:vestnik-test-{queue['Name']}"
        record = {"messageId": "m", "body": "", "eventSourceARN": arn, "attributes": {"SentTimestamp": "0"}}
        batch_handler("deliver", lambda: lambda _body: Line(), newer=lambda *_: None)({"Records": [record]}, None)
    for stage in (*(one["Name"] for one in template["Mappings"]["Watched"].values()), "api", "public"):
        write_line(stage, [Line()])
    write_line("tick", [Line(counts={f"switch_open_{name}": 0 for name in SUBSYSTEMS})])
    forget_log()
    emitted = [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]
    return {metric["Name"] for one in emitted for metric in one["_aws"]["CloudWatchMetrics"][0]["Metrics"]}


def test_the_dashboard_is_json_and_names_no_queue_so_that_new_ones_are_on_it(template: dict[str, Any]) -> None:
    body = template["Resources"]["Dashboard"]["Properties"]["DashboardBody"]
    expressions = [
        metric[0]["expression"] for widget in json.loads(body)["widgets"] for metric in widget["properties"]["metrics"]
    ]
    assert expressions
    assert all("${Stage}" in expression for expression in expressions)
    assert not [
        e
        for e in expressions
        if any(q["Name"] in e for q in template["Mappings"]["Queues"].values() if "-" in q["Name"])
    ]
