"""Imports queues and the bucket of pictures that a destroyed stack has left into the new one, with what is in them.
CloudFormation does so by itself for tables, which it knows by name; it knows a queue by its URL, which only an explicit
import can name (AWS, "Import AWS resources automatically": "Primary IDs with read only properties aren't supported"),
and the bucket's name holds the account."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

from infra.account import Account
from infra.diff import told
from infra.planning import StackInputs
from infra.resolved import Resources, read_template, resolve
from infra.stacks import Plan, Waiting, take_in

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ResourceChangeTypeDef

_QUEUE = "AWS::SQS::Queue"
_BUCKET = "AWS::S3::Bucket"
_FIRST = "REVIEW_IN_PROGRESS"  # a change set that nobody has executed: there is no stack yet


class _Left(NamedTuple):
    """What is there still: its type, what an import names it by, and its own name as a property."""

    kind: str
    identifier: Mapping[str, str]
    named: Mapping[str, Any]


@dataclass(frozen=True)
class TakingIn:
    """The plan of a stack made from what remains and everything else. A change set can show the second step
    only after the first, so `lines` are read from the template."""

    name: str
    lines: Sequence[str]
    _account: Account
    _inputs: StackInputs
    _left: Mapping[str, _Left]  # by logical id
    _plan: Callable[..., Plan | None]
    _waiting: Waiting | None

    def execute(self) -> None:
        """Raises: DeployError, ClientError; what has been imported stays so."""
        take_in(
            self._account.cloudformation,
            self.name,
            template=json.dumps({"Resources": {logical: _only(one) for logical, one in self._left.items()}}),
            resources=[
                {"ResourceType": one.kind, "LogicalResourceId": logical, "ResourceIdentifier": dict(one.identifier)}
                for logical, one in self._left.items()
            ],
            waiting=self._waiting,
        )
        if rest := self._plan(**self._inputs):
            rest.execute()

    def drop(self) -> None:
        """Nothing was made."""


def taking_in(
    account: Account,
    inputs: StackInputs,
    *,
    plan: Callable[..., Plan | None],
    waiting: Waiting | None = None,
) -> TakingIn | None:
    """None if there is a stack, or nothing of it is left; then a `plan` does everything. Raises: ClientError."""
    if _is_there(account, inputs["name"]):
        return None
    resources, there = _resolved(inputs), _addresses(account)
    left = {
        logical: _Left(_QUEUE, {"QueueUrl": there[queue]}, {"QueueName": queue})
        for logical, queue in _queues(resources).items()
        if queue in there
    }
    left |= _buckets(account, resources)
    if not left:
        return None
    counts = Counter(one.kind for one in left.values())
    queues = f"{counts[_QUEUE]} queue{'s' if counts[_QUEUE] > 1 else ''}" if counts[_QUEUE] else ""
    things = " and ".join(filter(None, [queues, "the bucket of pictures" if counts[_BUCKET] else ""]))
    first = f"{things} {'are' if len(left) > 1 else 'is'} taken in again, with what is in them:"
    lines = [first, *told(list(_coming(account, resources, left)), before={}, after=resources)]
    return TakingIn(inputs["name"], lines, account, inputs, left, plan, waiting)


def _coming(account: Account, resources: Resources, left: Mapping[str, _Left]) -> Iterator["ResourceChangeTypeDef"]:
    """What CloudFormation would say: it imports remaining tables by name."""
    pages = account.dynamodb.get_paginator("list_tables").paginate()
    tables = {name for page in pages for name in page["TableNames"]}
    for logical, one in resources.items():
        is_left = logical in left or one.get("Properties", {}).get("TableName") in tables
        yield {
            "Action": "Import" if is_left else "Add",
            "LogicalResourceId": logical,
            "ResourceType": one["Type"],
        }


def _resolved(inputs: StackInputs) -> Resources:
    return resolve(read_template(inputs["template"]), inputs["parameters"])


def _is_there(account: Account, name: str) -> bool:
    stacks = account.cloudformation.get_paginator("list_stacks").paginate()
    return any(
        one["StackName"] == name and one["StackStatus"] not in (_FIRST, "DELETE_COMPLETE")
        for page in stacks
        for one in page["StackSummaries"]
    )


def _queues(resources: Resources) -> dict[str, str]:
    """The names of the queues that outlive their stack, by logical id."""
    return {
        logical: one["Properties"]["QueueName"]
        for logical, one in resources.items()
        if one["Type"] == _QUEUE and str(one.get("DeletionPolicy", "")).startswith("Retain")
    }


def _buckets(account: Account, resources: Resources) -> dict[str, _Left]:
    """Those that outlive their stack and are there."""
    found = {}
    for logical, one in resources.items():
        if one["Type"] != _BUCKET or not str(one.get("DeletionPolicy", "")).startswith("Retain"):
            continue
        written = one["Properties"]["BucketName"]
        text = written["Fn::Sub"] if isinstance(written, dict) else written
        name = text.replace("${AWS::AccountId}", account.number).replace("${AWS::Region}", account.region)
        with suppress(ClientError):  # there is none
            account.s3.head_bucket(Bucket=name)
            found[logical] = _Left(_BUCKET, {"BucketName": name}, {"BucketName": written})
    return found


def _addresses(account: Account) -> dict[str, str]:
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    pages = sqs.get_paginator("list_queues").paginate(QueueNamePrefix="vestnik-", PaginationConfig={"PageSize": 1000})
    return {url.rpartition("/")[2]: url for page in pages for url in page.get("QueueUrls", [])}


def _only(one: _Left) -> dict[str, Any]:
    """With its name only: the deployment that follows sets the rest."""
    kept = {"DeletionPolicy": "RetainExceptOnCreate", "UpdateReplacePolicy": "Retain"}
    return {"Type": one.kind, **kept, "Properties": dict(one.named)}


def delete_queues(account: Account, stage: str) -> None:
    """With what waits in them. Raises: ClientError."""
    sqs = account.session.client("sqs", endpoint_url=account.endpoint_url)
    for name, url in _addresses(account).items():
        if name.startswith(f"vestnik-{stage}-"):
            sqs.delete_queue(QueueUrl=url)
