"""Whoever rewrites the audit with all rights on its table is found out by the log, which they cannot rewrite."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import boto3
import pytest

from chalicelib.accounts.audit import Audit, Deed, Door
from chalicelib.clock import now, parse_rfc3339, rfc3339
from chalicelib.errors import UnavailableError
from chalicelib.settings import settings
from chalicelib.storage.audit import WITNESS, AuditChain, digest_of
from chalicelib.storage.dynamodb import dynamodb
from infra import audit_checkup, audit_trail
from infra.audit_checkup import AuditCheckup
from infra.doctor import examine
from tests.integration.faults import LostReply, unreachable

GROUP, TABLE = "/aws/lambda/vestnik-test", "vestnik-test-audit"
HOUR_AGO = timedelta(hours=1)
LOOK = Deed(Door.API, "key", "get_user", "anna", "192.0.2.1")
Item = dict[str, Any]


class Rewriter:
    """Somebody with every right on the table, and none on the log."""

    def __init__(self) -> None:
        self._table = boto3.client("dynamodb")

    def items(self) -> list[Item]:
        found = self._table.scan(TableName=TABLE, ConsistentRead=True)["Items"]
        return sorted(found, key=lambda item: int(item["number"]["N"]))

    def put(self, item: Item, **changes: str) -> Item:
        """Writes a line as it would be, had it always been so: with the right digest."""
        forged = {**item, **{name: {"S": value} for name, value in changes.items()}}
        forged["digest"] = {"S": digest_of(forged)}
        self._table.put_item(TableName=TABLE, Item=forged)
        return forged

    def delete(self, item: Item) -> None:
        self._table.delete_item(TableName=TABLE, Key={"month": item["month"], "place": item["place"]})


@pytest.fixture
def rewriter(stage: None) -> Rewriter:
    return Rewriter()


@pytest.fixture
def carry(stage: None, caplog: pytest.LogCaptureFixture) -> Callable[[], None]:
    """Carries over to CloudWatch what the writers have told the log, as Lambda does."""
    logs = boto3.client("logs")
    logs.create_log_group(logGroupName=GROUP)
    logs.create_log_stream(logGroupName=GROUP, logStreamName="one")

    def carry() -> None:
        told = [vars(record) for record in caplog.records if record.message == WITNESS]
        at = int((now() - HOUR_AGO).timestamp() * 1000)
        names = ("message", "chain", "number", "digest", "sure")
        events: list[Any] = [
            {"timestamp": at, "message": json.dumps({name: one[name] for name in names})} for one in told
        ]
        if events:
            logs.put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=events)

    return carry


@pytest.fixture
def tell(carry: Callable[[], None]) -> Callable[[Any, timedelta], None]:
    """Puts an event into the log, as somebody with the function's rights may."""

    def tell(message: Any, ago: timedelta) -> None:
        text = message if isinstance(message, str) else json.dumps(message)
        event: Any = {"timestamp": int((now() - ago).timestamp() * 1000), "message": text}
        boto3.client("logs").put_log_events(logGroupName=GROUP, logStreamName="one", logEvents=[event])

    return tell


@pytest.fixture
def audited(carry: Callable[[], None]) -> None:
    """Three acts an hour ago, of which the log knows."""
    audit = Audit(clock=an_hour_ago, chain=AuditChain(clock=an_hour_ago))
    for n in range(3):
        with audit.act(Deed(Door.PAGE, "olga", "setting.change", f"s{n}", "192.0.2.1")):
            pass
    carry()


def an_hour_ago() -> datetime:
    return now() - HOUR_AGO


def said() -> str:
    """What the doctor says; nothing where all is well."""
    return " | ".join(one.wrong for one in examine(AuditCheckup(settings()).check))


def test_an_audit_that_nobody_has_touched_is_well(audited: None, rewriter: Rewriter) -> None:
    assert len(rewriter.items()) == 6
    assert said() == ""


def test_a_changed_word_is_found(audited: None, rewriter: Rewriter) -> None:
    line = rewriter.items()[2]
    boto3.client("dynamodb").put_item(TableName=TABLE, Item={**line, "by": {"S": "boris"}})
    assert f"1 {audit_trail.CHANGED}: {line['place']['S']}" in said()


def test_a_word_that_was_added_is_found(audited: None, rewriter: Rewriter) -> None:
    boto3.client("dynamodb").put_item(TableName=TABLE, Item={**rewriter.items()[2], "excuse": {"S": "none"}})
    assert audit_trail.CHANGED in said()


def test_a_line_that_was_replaced_with_a_right_digest_is_found(audited: None, rewriter: Rewriter) -> None:
    rewriter.put(rewriter.items()[2], by="boris")
    assert audit_trail.REWRITTEN in said()
    assert audit_trail.UNLINKED in said()


def test_a_chain_that_was_rewritten_to_its_end_is_found(audited: None, rewriter: Rewriter) -> None:
    """Promise I4."""
    before = None
    for line in rewriter.items():
        changes = {"by": "boris"} | ({"before": before["digest"]["S"]} if before else {})
        before = rewriter.put(line, **changes)
    assert said().startswith(f"6 {audit_trail.REWRITTEN}")
    assert audit_trail.UNLINKED not in said()


@pytest.mark.parametrize("which", [0, 2, 5])
def test_a_line_that_was_removed_is_found_wherever_it_stood(audited: None, rewriter: Rewriter, which: int) -> None:
    """Promise I4."""
    line = rewriter.items()[which]
    rewriter.delete(line)
    assert f"1 {audit_trail.GONE}: {line['chain']['S']} {which + 1}" in said()


def test_a_whole_chain_that_was_removed_is_found(audited: None, rewriter: Rewriter) -> None:
    for line in rewriter.items():
        rewriter.delete(line)
    assert said().startswith(f"6 {audit_trail.GONE}")


def test_a_chain_that_was_replaced_by_another_one_is_found(audited: None, rewriter: Rewriter) -> None:
    """Promise I4."""
    for line in rewriter.items():
        rewriter.delete(line)
    audit = Audit(clock=an_hour_ago, chain=AuditChain(clock=an_hour_ago))
    with audit.act(Deed(Door.PAGE, "boris", "setting.change", "s1", "192.0.2.1")):
        pass  # of this chain the log knows nothing
    assert f"6 {audit_trail.GONE}" in said()
    assert f"2 {audit_trail.STRANGE}" in said()


def test_a_line_that_was_put_behind_the_last_is_found(audited: None, rewriter: Rewriter) -> None:
    last = rewriter.items()[-1]
    forged = {**last, "number": {"N": "7"}}
    rewriter.put(forged, before=last["digest"]["S"], place=last["place"]["S"] + "1")
    assert f"1 {audit_trail.STRANGE}" in said()


@pytest.mark.parametrize("times", [{"at": "2000-01-01T00:00:00.000000Z"}, {"at": "2099-01-01T00:00:00.000000Z"}])
def test_a_forged_line_does_not_hide_behind_its_time(audited: None, rewriter: Rewriter, times: dict[str, str]) -> None:
    rewriter.put(rewriter.items()[0], chain="f" * 16, place=f"{rfc3339(now() - HOUR_AGO)}#forged", **times)
    assert audit_trail.STRANGE in said()


def test_a_number_that_stands_twice_is_found(audited: None, rewriter: Rewriter) -> None:
    line = rewriter.items()[1]
    rewriter.put(line, place=line["place"]["S"] + "x", by="boris")
    assert audit_trail.TWICE in said()


def test_a_line_without_a_chain_is_found(audited: None, rewriter: Rewriter) -> None:
    line = {name: value for name, value in rewriter.items()[1].items() if name not in ("chain", "number")}
    rewriter.put(line, place=f"{rfc3339(now())}#bare")
    assert audit_trail.BARE in said()


def bare(rewriter: Rewriter, line: Item, *, ago: timedelta, at: timedelta | None = None) -> None:
    """Puts a line as the version before the chain wrote it."""
    old = {name: value for name, value in line.items() if name not in ("chain", "number", "before")}
    times = {"place": f"{rfc3339(now() - ago)}#0123", "at": rfc3339(now() - (at or ago))}
    months = {"month": f"{now() - ago:%Y-%m}"}
    rewriter.put(old, **times, **months)


def test_lines_from_before_the_chain_are_older_and_not_wrong(audited: None, rewriter: Rewriter) -> None:
    """Nor are those of a function that was still at work while the new version came."""
    line = rewriter.items()[1]
    for ago in (timedelta(days=2), HOUR_AGO - timedelta(minutes=4)):
        bare(rewriter, line, ago=ago)
    [finding] = examine(AuditCheckup(settings()).check)
    assert finding.unknown
    assert finding.wrong.startswith(f"2 {audit_trail.OLDER}: ")


@pytest.mark.parametrize("told", [timedelta(days=3), timedelta(days=10)])
def test_no_line_without_a_chain_passes_for_an_older_one(
    audited: None, rewriter: Rewriter, tell: Callable[[Any, timedelta], None], told: timedelta
) -> None:
    """Promise I4: however long ago the first line had a chain, and whatever the forged one says about its time."""
    tell({"message": WITNESS, "chain": "c" * 16, "number": 1, "digest": "0" * 64, "sure": False}, told)
    line = rewriter.items()[1]
    bare(rewriter, line, ago=timedelta(days=2))
    bare(rewriter, line, ago=timedelta(days=6, hours=23), at=timedelta(hours=5))
    assert said().startswith(f"2 {audit_trail.BARE}")


@pytest.mark.parametrize("message", ["[" * 100_000 + WITNESS, json.dumps({"message": WITNESS, "number": 1e999}), "[]"])
def test_whatever_stands_in_the_log_is_read_over(
    audited: None, tell: Callable[[Any, timedelta], None], message: str
) -> None:
    tell(message, HOUR_AGO)
    assert said() == ""


def test_a_line_that_the_log_knows_with_two_digests_is_found(
    audited: None, rewriter: Rewriter, tell: Callable[[Any, timedelta], None]
) -> None:
    line = rewriter.items()[1]
    lie = {"message": WITNESS, "chain": line["chain"]["S"], "number": 2, "digest": "0" * 64, "sure": True}
    tell(lie, timedelta())
    assert audit_trail.CONTRADICTED in said()


def test_lines_that_are_too_young_for_the_log_are_not_judged(
    audited: None,
) -> None:
    young = Audit(clock=now, chain=AuditChain(clock=now))
    young.look(LOOK)
    assert said() == ""


@pytest.mark.parametrize("arrived", [True, False])
def test_a_line_whose_writer_does_not_know_whether_it_arrived_is_well_either_way(
    carry: Callable[[], None], rewriter: Rewriter, *, arrived: bool
) -> None:
    """Promise I4."""
    chain = AuditChain(clock=an_hour_ago)
    audit = Audit(clock=an_hour_ago, chain=chain)
    events = dynamodb().client.meta.events
    fault = LostReply(times=4) if arrived else unreachable
    events.register_first("before-send.dynamodb.PutItem", fault)
    with pytest.raises(UnavailableError):
        audit.look(LOOK)
    events.unregister("before-send.dynamodb.PutItem", fault)
    audit.look(LOOK)
    carry()
    assert [item["number"]["N"] for item in rewriter.items()] == ["1"] * (1 + arrived)
    assert said() == ""


def test_a_reply_that_was_lost_once_costs_nothing(carry: Callable[[], None], rewriter: Rewriter) -> None:
    """Promise I4."""
    audit = Audit(clock=an_hour_ago, chain=AuditChain(clock=an_hour_ago))
    fault = LostReply()
    dynamodb().client.meta.events.register_first("before-send.dynamodb.PutItem", fault)
    audit.look(LOOK)
    audit.look(LOOK)
    carry()
    assert fault.lost == 1
    assert [item["number"]["N"] for item in rewriter.items()] == ["1", "2"]
    assert said() == ""


@pytest.mark.parametrize(
    ("since", "until", "named"),
    [
        ("2026-10-31T20:00:00Z", "2026-11-01T02:00:00Z", ["2026-10", "2026-11"]),
        ("2026-12-31T23:59:59Z", "2027-01-01T00:00:00Z", ["2026-12", "2027-01"]),
        ("2026-01-31T12:00:00Z", "2026-03-01T00:00:00Z", ["2026-01", "2026-02", "2026-03"]),
        ("2026-11-29T12:00:00Z", "2026-11-29T12:00:01Z", ["2026-11"]),
    ],
)
def test_every_month_between_is_looked_at_whatever_the_hour(since: str, until: str, named: list[str]) -> None:
    assert list(audit_checkup.months(parse_rfc3339(since), parse_rfc3339(until))) == named


def test_an_audit_whose_log_cannot_be_asked_is_unknown(rewriter: Rewriter) -> None:
    [finding] = examine(AuditCheckup(settings()).check)
    assert finding.unknown
    assert "could not be looked at" in finding.wrong


def test_an_audit_whose_log_is_too_long_is_unknown_beyond_what_was_looked_at(
    audited: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(audit_checkup, "_PATIENCE_SECONDS", 0)
    [finding] = examine(AuditCheckup(settings()).check)
    assert finding.unknown
