"""A stage is deployed by `make deploy` or by `chalice deploy`, never by both, as they use the same names. Checked
before a deployment and by the doctor."""

from collections.abc import Iterator

from botocore.exceptions import ClientError

from infra.account import Account
from infra.app_template import FUNCTIONS

_HOW = "docs/operations.md, Two ways to deploy the app"


def made_by_chalice(account: Account, stage: str) -> str | None:
    """What `chalice deploy` has made of the app, and what to do about it; None if nothing. Raises: ClientError."""
    own = _of_the_stack(account, f"vestnik-{stage}-app")
    functions, apis = _functions(account, stage) - own, _websocket_apis(account, stage) - own
    if functions:
        return (
            f"`chalice deploy` has made {', '.join(sorted(functions))}, and `make deploy` gives the same names. In the "
            f"checkout that remembers it (.chalice/deployed/{stage}.json): `.venv/bin/chalice delete --stage {stage}`, "
            f"then `make deploy STAGE={stage}`. Without an outage: {_HOW}"
        )
    if apis:
        return (
            f"`chalice deploy` was run over this stage: its functions have Chalice's code, and beside the stack's APIs "
            f"the WebSocket API {', '.join(sorted(apis))} and a REST API named vestnik are public, without its limits. "
            f"Do NOT run `chalice delete`, the functions are the stack's. {_HOW}, says how to take them away"
        )
    return None


def _of_the_stack(account: Account, stack: str) -> set[str]:
    try:
        found = account.cloudformation.describe_stack_resources(StackName=stack)["StackResources"]
    except ClientError as error:
        if "does not exist" in str(error):
            return set()
        raise
    return {one["PhysicalResourceId"] for one in found if "PhysicalResourceId" in one}


def _functions(account: Account, stage: str) -> set[str]:
    return set(_there(account, [f"vestnik-{stage}{ending}" for ending in FUNCTIONS.values()]))


def _there(account: Account, names: list[str]) -> Iterator[str]:
    for name in names:
        try:
            account.lambdas.get_function_configuration(FunctionName=name)
        except account.lambdas.exceptions.ResourceNotFoundException:
            continue
        yield name


def _websocket_apis(account: Account, stage: str) -> set[str]:
    name = f"vestnik-{stage}-websocket-api"  # the REST APIs of all stages have one name with Chalice
    pages = account.websocket_apis.get_paginator("get_apis").paginate()
    return {one["ApiId"] for page in pages for one in page["Items"] if one["Name"] == name}
