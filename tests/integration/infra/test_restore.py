"""What `make backup` and `make restore` find out before they change anything, and what they do to tables, on the
emulator."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.backends import get_backend
from moto.core.models import DEFAULT_ACCOUNT_ID

from chalicelib.clock import now
from infra.account import Account
from infra.backup import DELETED, back_up, backups
from infra.bringing_back import bring_back
from infra.restore import plan
from infra.stage_tables import COUNTERS, LEDGER, Table, existing, tables_of

STAGE = "dev"
NOBODY: Any = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}


def create(client: Any, name: str) -> None:
    client.create_table(
        TableName=name,
        AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
        BillingMode="PAY_PER_REQUEST",
    )


@pytest.fixture(scope="module")
def backup(account: Account) -> str:
    """The name of one of all tables, each with one row; it is the only one."""
    for table in tables_of(STAGE):
        create(account.dynamodb, table.name)
        account.dynamodb.put_item(TableName=table.name, Item={"id": {"S": "before"}})
    return back_up(account.dynamodb, STAGE)


@pytest.fixture(autouse=True)
def whole(account: Account, backup: str) -> Iterator[None]:
    """Afterwards every table is there again."""
    yield
    for table in tables_of(STAGE):
        if not existing(account.dynamodb, {table.name}):
            bring_back(account.dynamodb, table, backups(account.dynamodb, STAGE)[backup][table.thing], mark="after")


def the(thing: str) -> Table:
    [found] = [one for one in tables_of(STAGE) if one.thing == thing]
    return found


def rows(account: Account, thing: str) -> list[str]:
    return sorted(item["id"]["S"] for item in account.dynamodb.scan(TableName=the(thing).name)["Items"])


def delete(account: Account, *things: str) -> None:
    for thing in things:
        account.dynamodb.delete_table(TableName=the(thing).name)


def test_the_ledger_is_backed_up_last_so_that_it_knows_of_whatever_the_others_know() -> None:
    assert [one.thing for one in tables_of(STAGE)][-1] == LEDGER
    assert {COUNTERS, "users", "runs", "shards"} <= {one.thing for one in tables_of(STAGE)}


def test_production_gets_back_what_no_backup_holds() -> None:
    tables = tables_of("prod")
    assert all(one.has_points_in_time and one.is_protected for one in tables)
    assert [one.expires_by for one in tables if one.thing == LEDGER] == ["expires_at_epoch"]
    assert not any(one.has_points_in_time or one.is_protected for one in tables_of("dev"))


def test_what_is_gone_is_brought_back_and_nothing_else(account: Account, backup: str) -> None:
    delete(account, "users", "templates")
    planned = plan(account.dynamodb, STAGE, backup, [])
    assert planned.lines() == ["  + bring back vestnik-dev-templates", "  + bring back vestnik-dev-users"]
    for table, of_it in planned.tables:
        bring_back(account.dynamodb, table, of_it, mark="now")
    assert rows(account, "users") == rows(account, "templates") == ["before"]


def test_a_table_that_is_named_is_replaced_and_by_the_second_try_left_as_it_is(account: Account, backup: str) -> None:
    account.dynamodb.put_item(TableName=the("users").name, Item={"id": {"S": "damage"}})
    planned = plan(account.dynamodb, STAGE, backup, ["users"])
    assert planned.lines() == ["  ! replace vestnik-dev-users"]
    [(table, of_it)] = planned.tables
    bring_back(account.dynamodb, table, of_it, mark="first")
    account.dynamodb.put_item(TableName=table.name, Item={"id": {"S": "since"}})
    bring_back(account.dynamodb, table, of_it, mark="first")
    assert rows(account, "users") == ["before", "since"]
    bring_back(account.dynamodb, table, of_it, mark="second")
    assert rows(account, "users") == ["before"]


def test_what_expires_expires_again(account: Account, backup: str) -> None:
    delete(account, LEDGER, COUNTERS)
    for table, of_it in plan(account.dynamodb, STAGE, backup, []).tables:
        bring_back(account.dynamodb, table, of_it, mark="now")
    said = account.dynamodb.describe_time_to_live(TableName=the(LEDGER).name)["TimeToLiveDescription"]
    assert (said["TimeToLiveStatus"], said["AttributeName"]) == ("ENABLED", "expires_at_epoch")


def test_a_ledger_comes_back_with_its_counters_and_never_over_a_newer_one(account: Account, backup: str) -> None:
    """Promise A6."""
    with pytest.raises(SystemExit, match="the ledger is there, and knows of letters that its backup does not"):
        plan(account.dynamodb, STAGE, backup, [LEDGER])
    with pytest.raises(SystemExit, match="come back with it alone"):
        plan(account.dynamodb, STAGE, backup, [COUNTERS])
    delete(account, LEDGER)
    planned = plan(account.dynamodb, STAGE, backup, [])
    assert planned.lines() == ["  ! replace vestnik-dev-counters", "  + bring back vestnik-dev-ledger"]
    assert abs(planned.since - now()) < timedelta(hours=1)


def test_production_s_table_is_protected_again_and_keeps_points_in_time(account: Account, backup: str) -> None:
    of_it = backups(account.dynamodb, STAGE)[backup]["lists"]
    like_prod = the("lists")._replace(has_points_in_time=True, is_protected=True)
    for mark in ("once", "again"):  # the second time it has to be unprotected first
        bring_back(account.dynamodb, like_prod, of_it, mark=mark)
        told = account.dynamodb.describe_table(TableName=like_prod.name)["Table"]
        kept = account.dynamodb.describe_continuous_backups(TableName=like_prod.name)["ContinuousBackupsDescription"]
        assert told["DeletionProtectionEnabled"]
        assert kept["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"


@pytest.mark.parametrize(
    ("name", "things", "said"),
    [
        ("2020-01-01T000000Z", [], "there is no whole backup 2020-01-01T000000Z; there are: "),
        ("", [], "name the backup: FROM=…; there are: "),
        (None, ["userz"], "there is no table userz; there are: "),
        (None, [], "every table is there; name those to be replaced: TABLES='users templates'"),
        (DELETED, ["users"], "AWS keeps nothing of the deleted users; take another backup"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_changed(
    account: Account, backup: str, name: str | None, things: list[str], said: str
) -> None:
    with pytest.raises(SystemExit, match=re.escape(said)):
        plan(account.dynamodb, STAGE, backup if name is None else name, things)


def test_a_backup_of_a_stage_that_lacks_a_table_or_the_moment_is_not_begun(account: Account, backup: str) -> None:
    with pytest.raises(SystemExit, match=r"keeps no point in time 2020-01-01T00:00:00\.000000Z; it keeps none"):
        back_up(account.dynamodb, STAGE, at=datetime(2020, 1, 1, tzinfo=UTC))
    delete(account, "users")
    with pytest.raises(SystemExit, match="there is no table vestnik-dev-users"):
        back_up(account.dynamodb, STAGE)
    assert set(backups(account.dynamodb, STAGE)) == {DELETED, backup}


def test_a_backup_that_was_not_finished_is_none(account: Account, backup: str) -> None:
    account.dynamodb.create_backup(TableName=the("users").name, BackupName="2026-01-01T000000Z")
    assert set(backups(account.dynamodb, STAGE)) == {DELETED, backup}


def test_a_moment_of_the_past_is_backed_up_under_its_name_and_leaves_no_table_behind() -> None:
    """On moto, whose points in time last; neither it nor the emulator knows what stood there then."""
    with mock_aws():
        client = boto3.client("dynamodb", "eu-central-1", **NOBODY)
        for table in tables_of(STAGE):
            create(client, table.name)
            client.update_continuous_backups(
                TableName=table.name, PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": True}
            )
            kept = get_backend("dynamodb")[DEFAULT_ACCOUNT_ID]["eu-central-1"].tables[table.name].continuous_backups
            kept["PointInTimeRecoveryDescription"]["EarliestRestorableDateTime"] -= 3600  # moto's begin just now
        at = now() - timedelta(minutes=10)

        name = back_up(client, STAGE, at=at)

        assert name == f"{at:%Y-%m-%dT%H%M%SZ}"
        assert set(backups(client, STAGE)[name]) == {one.thing for one in tables_of(STAGE)}
        assert set(client.list_tables()["TableNames"]) == {one.name for one in tables_of(STAGE)}


def test_what_aws_keeps_of_a_deleted_table_is_found_and_the_newest_is_taken(account: Account) -> None:
    """The emulator keeps none: these are the answers of AWS (API reference, ListBackups)."""

    def kept(arn: str, hour: int) -> dict[str, Any]:
        return {
            "TableName": "vestnik-dev-users",
            "BackupArn": f"arn:aws:dynamodb:eu-central-1:123456789012:table/vestnik-dev-users/backup/{arn}",
            "BackupName": "vestnik-dev-users$DeletedTableBackup",
            "BackupType": "SYSTEM",
            "BackupStatus": "AVAILABLE",
            "BackupCreationDateTime": datetime(2026, 11, 29, hour, tzinfo=UTC),
        }

    client = account.session.client("dynamodb", endpoint_url="http://127.0.0.1:9")
    with Stubber(client) as stub:
        stub.add_response(
            "list_backups", {"BackupSummaries": [kept("newer", 9), kept("older", 8)]}, {"BackupType": "ALL"}
        )
        found = backups(client, STAGE)
    assert list(found) == [DELETED]
    assert found[DELETED]["users"].arn.endswith("newer")
    assert found[DELETED]["users"].since.hour == 9
