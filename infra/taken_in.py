"""Queues that a destroyed stack has left are taken in by the new one, with what waits in them. CloudFormation does that
by itself for tables, which it knows by their names; a queue it knows by its address, and that only an import can tell
(AWS, "Import AWS resources automatically": "Primary IDs with read only properties aren't supported"). Called by
`deploy.py`."""

import json
from typing import Any

from infra.account import Account
from infra.planning import StackInputs
from infra.resolved import Resources, read_template, resolve
from infra.stacks import Waiting, take_in

_QUEUE = "AWS::SQS::Queue"
_FIRST = "REVIEW_IN_PROGRESS"  # a change set that nobody has executed: there is no stack yet


def take_in_queues(
    account: Account,
    inputs: StackInputs,
    *,
    waiting: Waiting | None = None,
) -> list[str]:
    """Makes the stack of those of its queues that are there already, where there is no stack yet; answers their
    names. The deployment that follows adds the rest. Raises: DeployError, ClientError."""
    name = inputs["name"]
    if _is_there(account, name):
        return []
    wanted = _queues(resolve(read_template(inputs["template"]), inputs["parameters"]))
    there = _addresses(account)
    found = {logical: queue for logical, queue in wanted.items() if queue in there}
    if not found:
        return []
    take_in(
        account.cloudformation,
        name,
        template=json.dumps({"Resources": {logical: _only(queue) for logical, queue in found.items()}}),
        resources=[
            {"ResourceType": _QUEUE, "LogicalResourceId": logical, "ResourceIdentifier": {"QueueUrl": there[queue]}}
            for logical, queue in found.items()
        ],
        waiting=waiting,
    )
    return sorted(found.values())


def _is_there(account: Account, name: str) -> bool:
    stacks = account.cloudformation.get_paginator("list_stacks").paginate()
    return any(
        one["StackName"] == name and one["StackStatus"] not in (_FIRST, "DELETE_COMPLETE")
        for page in stacks
        for one in page["StackSummaries"]
    )


def _queues(resources: Resources) -> dict[str, str]:
    """The names of the queues that outlive their stack, by their logical ids."""
    return {
        logical: one["Properties"]["QueueName"]
        for logical, one in resources.items()
        if one["Type"] == _QUEUE and str(one.get("DeletionPolicy", "")).startswith("Retain")
    }


def _addresses(account: Account) -> dict[str, str]:
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="vestnik-", PaginationConfig={"PageSize": 1000})
    return {url.rpartition("/")[2]: url for page in pages for url in page.get("QueueUrls", [])}


def _only(queue: str) -> dict[str, Any]:
    """With its name alone: the deployment that follows says the rest."""
    kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    return {"Type": _QUEUE, **kept, "Properties": {"QueueName": queue}}


def delete_queues(account: Account, stage: str) -> None:
    """With what waits in them. Raises: ClientError."""
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    for name, url in _addresses(account).items():
        if name.startswith(f"vestnik-{stage}-"):
            sqs.delete_queue(QueueUrl=url)
