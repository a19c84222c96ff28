"""Brings lost tables of a stage back from a backup, and goes on where it was. Run by `make restore`; it shows what it
will do and asks. Each step may be repeated: the same command goes on after a failure.

python -m infra.restore --stage prod --from 2026-11-29T083000Z
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from chalicelib.clock import now, parse_rfc3339
from chalicelib.errors import ConflictError, NotFoundError
from chalicelib.stage.app import Stage
from infra.account import Account
from infra.acting import act_in
from infra.backup import Backup, backups
from infra.bringing_back import bring_back
from infra.erasures import erasures_since
from infra.lock import deploy_lock
from infra.reaching_aws import reaching_aws
from infra.recollection import claims_log, claims_since, enlisted_log, enlisted_since, recollect
from infra.stacks import DeployError
from infra.stage_tables import COUNTERS, LEDGER, Table, existing, tables_of
from infra.stages import stage_names
from infra.standstill import Standstill

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_logs import CloudWatchLogsClient


_PERSONAL = frozenset({"users", "preferences", "endpoints", "ledger", "suppressions"})


class Plan(NamedTuple):
    """The tables to restore, each with its backup; existing ones are deleted first."""

    name: str
    tables: Sequence[tuple[Table, Backup]]
    there: frozenset[str]

    @property
    def since(self) -> datetime:
        """The backup may not know what happened later."""
        return min(backup.since for _, backup in self.tables)

    def lines(self) -> list[str]:
        """For people."""
        return [f"  {'! replace' if one.thing in self.there else '+ bring back'} {one.name}" for one, _ in self.tables]


def plan(client: "DynamoDBClient", stage: str, name: str, things: Sequence[str]) -> Plan:
    """The named tables, or all that are missing. Raises: SystemExit, nothing was changed."""
    known, tables = backups(client, stage), {one.thing: one for one in tables_of(stage)}
    if name not in known:
        what = f"there is no whole backup {name}" if name else "name the backup: FROM=…"
        raise SystemExit(f"restore: {what}; there are: {', '.join(known)}")
    if strange := set(things) - set(tables):
        raise SystemExit(f"restore: there is no table {', '.join(sorted(strange))}; there are: {', '.join(tables)}")
    there = {
        one.thing for one in tables.values() if one.name in existing(client, {one.name for one in tables.values()})
    }
    wanted = set(things or set(tables) - there)
    if LEDGER in wanted and LEDGER in there:
        raise SystemExit(
            "restore: the ledger is there, and knows of letters that its backup does not\n"
            "  do: put single rows back by hand, or delete the table first if nothing in it can be used"
        )
    if LEDGER in wanted:
        wanted.add(COUNTERS)
    elif COUNTERS in wanted:
        raise SystemExit("restore: counters are written together with the ledger, and come back with it alone")
    if not wanted:
        raise SystemExit("restore: every table is there; name those to be replaced: TABLES='users templates'")
    if lacking := sorted(wanted - set(known[name])):
        raise SystemExit(f"restore: AWS keeps nothing of the deleted {', '.join(lacking)}; take another backup")
    made_anew = [(tables[thing], known[name][thing]) for thing in tables if thing in wanted]
    return Plan(name, made_anew, frozenset(there))


def restore(account: Account, stage: str, planned: Plan, *, without_log: bool = False) -> None:
    """Stops the stage, restores the tables, tells the ledger what it has forgotten, and starts the stage. Without a log
    of what left, running campaigns are paused for a person to decide."""
    standstill = Standstill(account, stage)
    things = [table.thing for table, _ in planned.tables]
    kept = standstill.begin({"backup": planned.name, "tables": things, "without_log": without_log})
    print(f"  nothing runs any more since {kept['until']}", flush=True)
    for table, backup in planned.tables:
        bring_back(account.dynamodb, table, backup, mark=kept["until"])
    if LEDGER in things and kept["without_log"]:
        hold_campaigns()
    elif LEDGER in things:
        until = parse_rfc3339(kept["until"])
        claims = claims_since(account.logs, claims_log(stage), since=planned.since, until=until)
        enlisted = enlisted_since(account.logs, enlisted_log(stage), since=planned.since, until=until)
        told = recollect(Stage.own().ledger, claims, enlisted, at=until)
        print(f"  letters that left since the backup: {told['sent']}, and {told['uncertain']} of which nobody knows")
    for line in erasures_since(account.logs, stage, planned.since) if _PERSONAL & set(things) else ():
        print(f"  erase again: {line}")
    standstill.end(kept)


def hold_campaigns() -> None:
    """Pauses those that were running: nobody knows who has got their letters since."""
    for campaign_id in sorted({campaign_id for campaign_id, _ in Stage.own().runs.unfinished()}):
        with suppress(ConflictError, NotFoundError):  # it is held already
            Stage.own().campaign_commands.pause(campaign_id, by="restore")
            print(f"  the campaign {campaign_id} is paused")


def main(arguments: list[str] | None = None) -> int:
    """With the credentials of the environment; for the stage `local`, in the cloud that runs here."""
    parser = argparse.ArgumentParser(description="Bring lost tables back.")
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--from", default="", dest="backup", help="the name that make backup gave")
    parser.add_argument("--tables", nargs="*", default=[], help="default: all that are gone")
    parser.add_argument("--without-log", action="store_true", help="the log of deliver is lost: pause all campaigns")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    chosen = parser.parse_args(arguments)
    act_in(chosen.stage)
    with reaching_aws("restore", chosen.stage):
        account = Account()
        begun = Standstill(account, chosen.stage).begun()
        planned = _planned(account.dynamodb, chosen, begun)
        if begun is None and not chosen.without_log and LEDGER in {one.thing for one, _ in planned.tables}:
            require_log(account.logs, chosen.stage, planned.since)
        if not chosen.yes and not _agrees(chosen.stage, planned.lines()):
            print("restore: nothing was changed", file=sys.stderr)
            return 1
        try:
            with deploy_lock(account, chosen.stage):
                restore(account, chosen.stage, planned, without_log=chosen.without_log)
        except DeployError as error:
            print(f"restore: {error}", file=sys.stderr)
            return 1
    print(f"{chosen.stage} runs again\n  do: make doctor STAGE={chosen.stage}")
    return 0


def _planned(client: "DynamoDBClient", chosen: argparse.Namespace, begun: dict[str, Any] | None) -> Plan:
    if begun is None:
        return plan(client, chosen.stage, chosen.backup, chosen.tables)
    print(f"goes on with what was begun: {begun['backup']}", flush=True)
    known = backups(client, chosen.stage)[begun["backup"]]
    tables = [(one, known[one.thing]) for one in tables_of(chosen.stage) if one.thing in begun["tables"]]
    return Plan(begun["backup"], tables, frozenset())


def require_log(logs: "CloudWatchLogsClient", stage: str, since: datetime) -> None:
    """Raises: SystemExit: the log is gone, or expires before it has told everything."""
    groups = logs.describe_log_groups(logGroupNamePrefix=claims_log(stage))["logGroups"]
    kept_days = [one.get("retentionInDays") for one in groups if one["logGroupName"] == claims_log(stage)]
    if kept_days and (kept_days[0] is None or now() - since < timedelta(days=kept_days[0] - 1)):
        return
    lacks = f"is kept for {kept_days[0]} days, and the backup is older" if kept_days else "is gone"
    raise SystemExit(
        f"restore: the log {claims_log(stage)} {lacks}, so nobody knows which letters left after the backup\n"
        "  do: take a newer backup; or WITHOUT_LOG=1, which pauses the campaigns that were under way, and a person\n"
        "  decides about each"
    )


def _agrees(stage: str, lines: Sequence[str]) -> bool:
    print("\n".join(lines))
    try:
        return input(f"This stops {stage} meanwhile. Type {stage} to go on: ").strip() == stage
    except EOFError:
        return False


if __name__ == "__main__":
    raise SystemExit(main())
