"""What a deployment would change: CloudFormation change sets."""

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import ResourceChangeTypeDef, ResourceToImportTypeDef

_POLL_SECONDS = 0.2
_LIMIT_SECONDS = 300
NAME = "vestnik-deploy"


class ChangeSetError(RuntimeError):
    """CloudFormation could not say what would change; the message is its reason."""


@dataclass(frozen=True)
class ChangeSet:
    """Changes that wait to be executed or dropped."""

    arn: str
    changes: tuple["ResourceChangeTypeDef", ...]


def prepare(
    client: "CloudFormationClient",
    stack: str,
    *,
    kind: "ChangeSetTypeType",
    template_url: str,
    parameters: Mapping[str, str],
) -> ChangeSet | None:
    """The change set, ready; None if nothing would change. Tables left behind by a destroyed stack are imported by
    name. Raises: ChangeSetError."""
    arn = client.create_change_set(
        StackName=stack,
        ChangeSetName=f"{NAME}-{time.time_ns()}",
        ChangeSetType=kind,
        TemplateURL=template_url,
        Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
        Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
        ImportExistingResources=True,
    )["Id"]
    status, reason = _settled(client, stack, arn)
    if status == "FAILED":
        client.delete_change_set(StackName=stack, ChangeSetName=arn)
        if "didn't contain changes" in reason or "No updates are to be performed" in reason:
            return None
        raise ChangeSetError(f"{stack}: {reason}")
    return ChangeSet(arn, tuple(_changes(client, stack, arn)))


def prepare_import(
    client: "CloudFormationClient", stack: str, *, template: str, resources: Sequence["ResourceToImportTypeDef"]
) -> ChangeSet:
    """The change set that imports existing resources into the stack. Raises: ChangeSetError."""
    arn = client.create_change_set(
        StackName=stack,
        ChangeSetName=f"{NAME}-{time.time_ns()}",
        ChangeSetType="IMPORT",
        TemplateBody=template,
        ResourcesToImport=list(resources),
    )["Id"]
    status, reason = _settled(client, stack, arn)
    if status == "FAILED":
        client.delete_change_set(StackName=stack, ChangeSetName=arn)
        raise ChangeSetError(f"{stack}: {reason}")
    return ChangeSet(arn, tuple(_changes(client, stack, arn)))


def _settled(client: "CloudFormationClient", stack: str, arn: str) -> tuple[str, str]:
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        answer = client.describe_change_set(StackName=stack, ChangeSetName=arn)
        if answer["Status"] in ("CREATE_COMPLETE", "FAILED"):
            return answer["Status"], answer.get("StatusReason", "")
        time.sleep(_POLL_SECONDS)
    raise ChangeSetError(f"no answer in {_LIMIT_SECONDS} seconds to what would change")


def _changes(client: "CloudFormationClient", stack: str, arn: str) -> Iterator["ResourceChangeTypeDef"]:
    """The stack is named because permissions are granted on stacks."""
    pages = client.get_paginator("describe_change_set").paginate(
        StackName=stack, ChangeSetName=arn, IncludePropertyValues=True
    )
    for page in pages:
        for change in page.get("Changes", []):
            if "ResourceChange" in change:
                yield change["ResourceChange"]
