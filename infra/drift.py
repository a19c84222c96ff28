"""Whether somebody has changed by hand what the stacks made. CloudFormation is asked, and nothing is repaired.

python -m infra.drift --stage prod         # 0: everything is as deployed, 1: something is not, or could not be checked
"""

import argparse
import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Final

import boto3
from botocore.exceptions import ClientError

from infra.account import Account
from infra.acting import act_in
from infra.checkup import Finding
from infra.reaching_aws import reaching_aws
from infra.stages import stage_names

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackResourceDriftTypeDef

_LIMIT_SECONDS: Final = 900
_POLL_SECONDS: Final = 1.0
_SHORT: Final = 60
# What the service itself changes while it runs: consumers follow switches and people, CodeDeploy moves an alias.
_OUR_OWN: Final = {
    "AWS::Lambda::EventSourceMapping": ("/Enabled", "/ScalingConfig", "/BatchSize"),
    "AWS::Lambda::Alias": ("/RoutingConfig", "/FunctionVersion"),
}
_NOT_HERE: Final = ("InternalFailure", "NotImplemented", "InvalidAction", "UnknownOperationException", "501")


def drift(client: "CloudFormationClient", stack: str, *, limit_seconds: float = _LIMIT_SECONDS) -> Iterator[Finding]:
    """Each resource that differs from its deployment. What cannot be checked is a finding too. Raises: ClientError."""
    try:
        detection = client.detect_stack_drift(StackName=stack)["StackDriftDetectionId"]
    except ClientError as error:
        if "does not exist" in str(error):
            yield Finding(f"there is no stack {stack}", "`make deploy`")
            return
        if error.response["Error"]["Code"] not in _NOT_HERE:
            raise
        yield _unknown(stack, "this AWS has no drift detection")
        return
    problem = _found_out(client, detection, limit_seconds)
    for resource in _compared(client, stack):
        yield from _told(stack, resource)
    if problem:
        yield _unknown(stack, problem)


def _found_out(client: "CloudFormationClient", detection: str, limit_seconds: float) -> str | None:
    deadline = time.monotonic() + limit_seconds
    while time.monotonic() < deadline:
        answer = client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
        if answer["DetectionStatus"] != "DETECTION_IN_PROGRESS":
            is_done = answer["DetectionStatus"] == "DETECTION_COMPLETE"
            return None if is_done else answer.get("DetectionStatusReason", "the detection failed")
        time.sleep(_POLL_SECONDS)
    return f"the detection has not ended in {limit_seconds:.0f} seconds"


def _compared(client: "CloudFormationClient", stack: str) -> Iterator["StackResourceDriftTypeDef"]:
    """Those that differ from their deployment, or could not be compared."""
    more: Any = {}
    while True:
        page = client.describe_stack_resource_drifts(
            StackName=stack, StackResourceDriftStatusFilters=["MODIFIED", "DELETED", "UNKNOWN"], **more
        )
        yield from page["StackResourceDrifts"]
        if not page.get("NextToken"):
            return
        more = {"NextToken": page["NextToken"]}


def _told(stack: str, resource: "StackResourceDriftTypeDef") -> Iterator[Finding]:
    name, kind = resource["LogicalResourceId"], resource["ResourceType"]
    match resource["StackResourceDriftStatus"]:
        case "DELETED":
            remedy = f"no release makes it again: take {name} out of the template, deploy, put it back, deploy"
            yield Finding(f"{name} ({kind}) of {stack} was deleted by hand", remedy)
        case "UNKNOWN":
            yield _unknown(stack, f"{name} ({kind}) could not be compared")
        case "MODIFIED":
            if changed := list(_differences(resource)):
                remedy = (
                    "right: say it in the template or in .chalice/config.json; wrong: change it back by hand, as a "
                    "release touches only what it changes"
                )
                yield Finding(f"{name} ({kind}) of {stack} was changed by hand: {'; '.join(changed)}", remedy)


def _differences(resource: "StackResourceDriftTypeDef") -> Iterator[str]:
    own = _OUR_OWN.get(resource["ResourceType"], ())
    for one in resource.get("PropertyDifferences", []):
        if not one["PropertyPath"].startswith(own):
            path = one["PropertyPath"].lstrip("/").replace("/", ".")
            yield f"{path} {_cut(one['ExpectedValue'])} → {_cut(one['ActualValue'])}"


def _cut(value: str) -> str:
    return value if len(value) <= _SHORT else f"{value[:_SHORT]}…"


def _unknown(stack: str, why: str) -> Finding:
    return Finding(f"nobody knows whether {stack} is as it was deployed: {why}", "look again later", unknown=True)


def main(arguments: list[str] | None = None) -> int:
    """With the credentials and region of the environment; AWS_ENDPOINT_URL points elsewhere."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", required=True, choices=stage_names())
    stage: str = parser.parse_args(arguments).stage
    act_in(stage)
    count = 0
    with reaching_aws("drift", stage):
        account = Account(boto3.Session())
        for part in ("infra", "app"):
            found = list(drift(account.cloudformation, f"vestnik-{stage}-{part}"))
            count += len(found)
            for finding in found:
                print(f"{'unknown' if finding.unknown else 'CHANGED'} {finding.wrong}\n        do: {finding.remedy}")
            if not found:
                print(f"well    vestnik-{stage}-{part} is as it was deployed")
    return int(count > 0)


if __name__ == "__main__":
    sys.exit(main())
