"""Takes a stage away: the app, then the infra stack. Run by `make destroy`; it asks.

Production keeps its data (tables, queues, pictures, keys, artifacts) unless told `--with-data`: the next `make deploy`
takes tables, queues and pictures in again. Other stages keep nothing.

python -m infra.destroy --stage dev
"""

import argparse
import sys
from contextlib import suppress

import boto3

from chalicelib.security.signing import KEYS, parameter_name
from infra.account import Account
from infra.artifact_bucket import empty
from infra.domain import delete_domain
from infra.lock import deploy_lock
from infra.protection import let_go, unprotect
from infra.reaching_aws import reaching_aws
from infra.stacks import DeployError, delete_stack
from infra.stages import PRODUCTION, stage_names
from infra.taken_in import delete_queues


def destroy(account: Account, stage: str, *, with_data: bool) -> list[str]:
    """Returns the tables that were left. Can be repeated after a failure. Raises: DeployError."""
    unprotect(account, stage)
    delete_stack(account.cloudformation, f"vestnik-{stage}-app")
    for bucket in ("lists", "files"):
        empty(account.s3, account.bucket_name(stage, bucket))  # S3 deletes only empty buckets
    delete_stack(account.cloudformation, f"vestnik-{stage}-infra")
    tables = _tables(account, stage)
    if not with_data:
        return tables
    media = account.bucket_name(stage, "media")
    if empty(account.s3, media):
        account.s3.delete_bucket(Bucket=media)
    delete_domain(account, stage)  # kept with the data, so that nobody has to add its records again
    for table in tables:
        let_go(account, table)
        account.dynamodb.delete_table(TableName=table)
    delete_queues(account, stage)
    for key in KEYS:
        with suppress(account.ssm.exceptions.ParameterNotFound):  # an earlier try has deleted it
            account.ssm.delete_parameter(Name=parameter_name(stage, key))
    for group in _log_groups(account, stage):
        account.logs.delete_log_group(logGroupName=group)
    account.delete_artifact_bucket(stage)
    return []


def _tables(account: Account, stage: str) -> list[str]:
    pages = account.dynamodb.get_paginator("list_tables").paginate()
    return [name for page in pages for name in page["TableNames"] if name.startswith(f"vestnik-{stage}-")]


def _log_groups(account: Account, stage: str) -> list[str]:
    """Log groups of the app's functions, including those written to after the stack was gone."""
    pages = account.logs.get_paginator("describe_log_groups").paginate(
        logGroupNamePrefix=f"/aws/lambda/vestnik-{stage}"
    )
    names = [group["logGroupName"] for page in pages for group in page["logGroups"]]
    return [name for name in names if name == f"/aws/lambda/vestnik-{stage}" or f"/vestnik-{stage}-" in name]


def main(arguments: list[str] | None = None) -> int:
    """With the credentials and region of the environment; AWS_ENDPOINT_URL points elsewhere."""
    parser = argparse.ArgumentParser(description="Take a stage away.")
    parser.add_argument("--stage", required=True, choices=stage_names())
    parser.add_argument("--with-data", action="store_true", help="production's data too; there is no way back")
    parser.add_argument("--yes", action="store_true", help="do not ask")
    chosen = parser.parse_args(arguments)
    stage: str = chosen.stage
    with_data = chosen.with_data or stage != PRODUCTION
    if not (chosen.yes or _agrees(stage, with_data=with_data)):
        print("destroy: nothing was changed", file=sys.stderr)
        return 1
    try:
        with reaching_aws("destroy", stage):
            account = Account(boto3.Session())
            with deploy_lock(account, stage):
                left = destroy(account, stage, with_data=with_data)
    except DeployError as error:
        print(f"destroy: {error}", file=sys.stderr)
        return 1
    print(f"{stage} is gone" + (f"; its queues and its data stay: {', '.join(left)}" if left else ", with its data"))
    return 0


def _agrees(stage: str, *, with_data: bool) -> bool:
    what = "and ALL ITS DATA" if with_data else "(its data stays)"
    try:
        return input(f"This destroys {stage} {what}. Type {stage} to go on: ").strip() == stage
    except EOFError:
        return False


if __name__ == "__main__":
    sys.exit(main())
