"""What a production stage costs in a month in which nobody is written to, counted from the templates and from one real
tick; into docs/operations.md, between its marks.

    python -m bench.idle
"""

import io
import json
import re
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from typing import Any, NamedTuple

import pytest

from bench import prices
from bench.harness import Cell, text_table
from infra.paths import ROOT
from infra.stages import stage_config
from infra.template_build import built_template

PAGE = ROOT / "docs" / "operations.md"
PLACE = re.compile(r"(<!-- idle -->\n).*?(<!-- /idle -->)", re.DOTALL)
STAGE = "prod"
COLUMNS = ("what", "how much", "$ a month")
EXTRAS = ("only where it is used", "$")
HOURS = 730
MINUTES = HOURS * 60
POLLERS, POLLS_A_MINUTE = 5, 3  # of Lambda for each mapping: long polls of 20 s (AWS, "Using Lambda with Amazon SQS")
TICK_SECONDS, TICK_GB = 0.5, 0.5  # billed: assumed
LOG_BYTES = 1_900  # of a tick: its line, its metrics, and what Lambda adds; assumed
KEYS_KNOWN_MINUTES = 5  # DynamoDB asks KMS again for a table's key (AWS, "DynamoDB encryption at rest")


class Tick(NamedTuple):
    """What one minute of the clock asks for."""

    metrics: frozenset[str]
    write_units: float
    read_units: float
    tables: int


class Row(NamedTuple):
    """A line of the bill."""

    what: str
    how_much: str
    dollars: float


def one_tick() -> Tick:
    """Of the real worker, on a stage that has nothing to do."""
    from functions import tick
    from tests.integration.conftest import a_stage
    from tests.integration.keys_taken import KeysTaken

    with pytest.MonkeyPatch.context() as patch, a_stage(patch, on_twin=False):
        taken, said = KeysTaken(), io.StringIO()
        with redirect_stdout(said):
            tick.handler({}, None)
        tables = {key.table for key in (*taken.read, *taken.written)}
        return Tick(told_in(said.getvalue()), sum(taken.written.values()), sum(taken.read.values()), len(tables))


def told_in(log: str) -> frozenset[str]:
    """The metrics of log lines."""
    lines = [json.loads(line) for line in log.splitlines() if '"_aws"' in line]
    return frozenset(one["Name"] for line in lines for one in line["_aws"]["CloudWatchMetrics"][0]["Metrics"])


def letters_metrics() -> frozenset[str]:
    """What the workers report about one letter that is asked for, sent and delivered."""
    from chalicelib.pipeline.requests import NotificationRequest, Recipient
    from chalicelib.stage.app import Stage
    from tests.integration.conftest import Pump, a_stage

    said = io.StringIO()
    with pytest.MonkeyPatch.context() as patch, a_stage(patch, on_twin=False), redirect_stdout(said):
        wanted = NotificationRequest(template="welcome", recipients=(Recipient(email="anna@viewers.example"),))
        [one] = Stage.own().accept.accept(wanted, caller="bench", key=None)
        pump = Pump()
        for kind in ("Send", "Delivery", "Open", "Click"):
            mail = {"messageId": "1", "tags": {"delivery": [f"{one.id}_email"]}}
            pump.put("feedback", json.dumps({"eventType": kind, "mail": mail}))
        pump.run()
    return told_in(said.getvalue())


def resources(stage: str) -> list[dict[str, Any]]:
    """Of the infra stack as it is deployed; the app's has nothing that costs anything by itself."""
    return list(json.loads(built_template(stage))["Resources"].values())


def metrics_of(alarm: dict[str, Any]) -> int:
    """An alarm is charged for each metric that it looks at."""
    looked_at = [one for one in alarm["Properties"].get("Metrics", ()) if "MetricStat" in one]
    return max(1, len(looked_at))


def rows(stage: str = STAGE) -> Iterator[Row]:
    """The bill of a month in which nothing happens."""
    found, tick = resources(stage), one_tick()
    kinds = [one["Type"].removeprefix("AWS::") for one in found]
    alarms = sum(metrics_of(one) for one in found if one["Type"] == "AWS::CloudWatch::Alarm")
    mappings, dashboards = kinds.count("Lambda::EventSourceMapping"), kinds.count("CloudWatch::Dashboard")
    yield Row("alarms", f"{alarms} × {prices.ALARM:.2f}", alarms * prices.ALARM)
    yield Row("dashboards", f"{dashboards} × {prices.DASHBOARD:.2f}", dashboards * prices.DASHBOARD)
    polls = mappings * POLLERS * POLLS_A_MINUTE * MINUTES / 1e6
    yield Row("SQS, which Lambda polls", f"{mappings} queues, {polls:.1f} M requests", polls * prices.SQS)
    yield from _of_the_clock(tick)


def _of_the_clock(tick: Tick) -> Iterator[Row]:
    yield Row("the clock: metrics", f"{len(tick.metrics)} × {prices.METRIC:.2f}", len(tick.metrics) * prices.METRIC)
    ticks = MINUTES / 1e6
    lambdas = ticks * (prices.LAMBDA_REQUEST + prices.SCHEDULED)
    lambdas += MINUTES * TICK_SECONDS * TICK_GB * prices.LAMBDA_GB_SECOND
    yield Row("the clock: Scheduler, Lambda", f"{MINUTES:,} ticks of {TICK_SECONDS} s", lambdas)
    units = tick.read_units * prices.READ_UNIT + tick.write_units * prices.WRITE_UNIT
    asked = f"{tick.read_units:g} read and {tick.write_units:g} write units a tick"
    yield Row("the clock: DynamoDB", asked, ticks * units)
    keys = tick.tables * MINUTES // KEYS_KNOWN_MINUTES
    yield Row("the clock: KMS", f"the keys of {tick.tables} tables, {keys:,} requests", keys / 1e6 * prices.KMS_REQUEST)
    gb = LOG_BYTES * MINUTES / 1e9
    yield Row("the clock: its log", f"{gb:.2f} GB", gb * (prices.LOGS_GB + prices.LOGS_KEPT_GB))


def extras() -> Iterator[tuple[str, str]]:
    """What is charged only where it is used."""
    metrics = len(letters_metrics())
    yield "the workers' metrics", f"{metrics} names or more × {prices.METRIC:.2f}, for the hours in which they are told"
    yield "tables", f"{prices.TABLE_GB:.2f} a GB, and {prices.POINTS_IN_TIME_GB:.2f} for going back 35 days"
    yield "logs", f"{prices.LOGS_GB:.2f} a GB, {prices.LOGS_KEPT_GB:.2f} a month kept (30 days; the API's 400)"
    yield "the API and the pages", f"{prices.REST_CALL:.2f} a million calls, {prices.OUT_GB:.2f} a GB sent out"
    sockets = f"{prices.SOCKET_MESSAGE:.2f} a million messages, {prices.SOCKET_MINUTE:.2f} a million minutes"
    yield "WebSockets", f"{sockets}: {prices.SOCKET_MINUTE * MINUTES / 1e6:.3f} for a device that is always there"
    yield "letters with attachments", f"{prices.ATTACHED_GB:.2f} a GB of them; other letters go out for nothing"
    yield "`snap_start`", _snapshots((stage_config(STAGE).lambda_memory_size or 128) / 1024 + TICK_GB)
    rules = f"{prices.FIREWALL:.2f}, {prices.FIREWALL_RULE:.2f} a rule, {prices.FIREWALL_CALL:.2f} a million calls"
    yield "`waf`, `domain`, `xray`", f"{rules}; {prices.ZONE:.2f} a zone; {prices.TRACES:.2f} a million traces"


def _snapshots(gb: float) -> str:
    """Of the API's function and `deliver`."""
    kept, restored = gb * MINUTES * 60 * prices.SNAPSHOT_GB_SECOND, gb / 2 * 1e3 * prices.SNAPSHOT_RESTORED_GB
    return f"{kept:.2f} a month for the API and `deliver`, {gb:g} GB; {restored:.2f} for a thousand cold starts"


def table() -> str:
    """The two tables of docs/operations.md."""
    bill = list(rows())
    cells: list[dict[str, Cell]] = [_cells(COLUMNS, one.what, one.how_much, f"{one.dollars:.2f}") for one in bill]
    cells.append(_cells(COLUMNS, "**together**", "", f"**{sum(one.dollars for one in bill):.0f}**"))
    more = [_cells(EXTRAS, *one) for one in extras()]
    return "\n".join([*text_table(COLUMNS, cells), "", *text_table(EXTRAS, more)]) + "\n"


def _cells(columns: Sequence[str], *cells: str) -> dict[str, Cell]:
    return dict(zip(columns, cells, strict=True))


def main() -> None:
    written = table()
    print(written)
    PAGE.write_text(PLACE.sub(lambda place: place[1] + written + place[2], PAGE.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
