"""The same stage in two regions of one account: what is global at AWS carries the region in its name."""

import boto3
import pytest

from infra.account import Account
from infra.destroy import destroy
from infra.package import app_zip, workers_zip
from infra.planning import Release, infra_stack
from infra.runtimes import this_machines
from infra.stacks import deploy_stack
from infra.stages import WorkerTimings, environment_of

STAGE = "dev"


@pytest.fixture(scope="module")
def regions(account: Account) -> tuple[Account, Account]:
    """The stage's workers, deployed to both."""
    there = Account(boto3.Session("test", "test", region_name="eu-west-1"), endpoint_url=account.endpoint_url)
    release = Release(workers_zip(), app_zip(), {}, this_machines())
    environment = {
        **environment_of(STAGE),
        "VESTNIK_PUBLIC_URL": "https://notify.cinema.example",
        "VESTNIK_LIVE_URL": "wss://live.cinema.example",
    }
    here = Account(account.session, endpoint_url=account.endpoint_url)  # it knows nothing of buckets that are gone
    for one in (here, there):
        inputs = infra_stack(one, release, environment=environment, timings=WorkerTimings())
        assert deploy_stack(one.cloudformation, **inputs)
    return here, there


def roles(account: Account) -> set[str]:
    pages = account.session.client("iam", endpoint_url=account.endpoint_url).get_paginator("list_roles").paginate()
    return {
        one["RoleName"] for page in pages for one in page["Roles"] if one["RoleName"].startswith(f"vestnik-{STAGE}-")
    }


def buckets(account: Account) -> set[str]:
    return {one["Name"] for one in account.s3.list_buckets()["Buckets"] if one["Name"].startswith(f"vestnik-{STAGE}-")}


def state(account: Account) -> str:
    [stack] = account.cloudformation.describe_stacks(StackName=f"vestnik-{STAGE}-infra")["Stacks"]
    return stack["StackStatus"]


def test_both_stand_and_nothing_global_is_shared(regions: tuple[Account, Account]) -> None:
    here, there = regions
    assert [state(one) for one in regions] == ["CREATE_COMPLETE"] * 2
    for names in (roles(here), buckets(here)):
        assert {one.removesuffix(here.region) for one in names if one.endswith(here.region)} == {
            one.removesuffix(there.region) for one in names if one.endswith(there.region)
        }
        assert all(one.endswith((here.region, there.region)) for one in names)


def test_taking_one_away_leaves_the_other(regions: tuple[Account, Account]) -> None:
    here, there = regions
    assert destroy(here, STAGE, with_data=True) == []
    assert state(there) == "CREATE_COMPLETE"
    assert {one.endswith(there.region) for one in (*roles(there), *buckets(there))} == {True}
    assert len(there.dynamodb.list_tables()["TableNames"]) > 20
    function = there.lambdas.get_function_configuration(FunctionName=f"vestnik-{STAGE}-deliver")
    assert function["Role"].endswith(f"vestnik-{STAGE}-deliver-{there.region}")
    assert destroy(there, STAGE, with_data=True) == []
