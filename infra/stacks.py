"""CloudFormation stacks: made or updated, waited for, and a failure told in words. Called by `deploy.py`."""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE"}
_INPUTS_TAG = "vestnik-inputs"  # the digest of what the stack was last deployed from
_POLL_SECONDS = 0.2
_LIMIT_SECONDS = 900


class DeployError(RuntimeError):
    """A stack did not reach its wanted state; the message names each resource and its reason. Retryable once mended."""


def deploy_stack(
    client: "CloudFormationClient",
    name: str,
    *,
    template: str,
    template_url: str,
    parameters: Mapping[str, str],
    replace: bool = False,
) -> bool:
    """Brings the stack to this template, which CloudFormation fetches from `template_url` (in a call it takes 51,200
    bytes at most). Answers whether anything had to be done: the stack itself remembers what
    it was made from, so that a lost file never makes it look deployed. With `replace` a changed stack is deleted and
    made anew. Raises: DeployError."""
    inputs = hashlib.sha256(json.dumps([template, dict(sorted(parameters.items()))]).encode()).hexdigest()
    stack = _settled(client, name)
    if stack and stack["StackStatus"] in _GOOD and _tag(stack, _INPUTS_TAG) == inputs:
        return False
    # A failed first creation can only be deleted.
    if stack and (replace or stack["StackStatus"] == "ROLLBACK_COMPLETE"):
        client.delete_stack(StackName=name)
        stack = _settled(client, name)
    try:
        (client.update_stack if stack else client.create_stack)(
            StackName=name,
            TemplateURL=template_url,
            Parameters=[{"ParameterKey": k, "ParameterValue": v} for k, v in parameters.items()],
            Capabilities=["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"],
            Tags=[{"Key": _INPUTS_TAG, "Value": inputs}],
        )
    except ClientError as error:
        if "No updates are to be performed" in str(error):
            return False
        raise DeployError(f"{name}: {error.response['Error'].get('Message', error)}") from error
    _expect_good(client, name)
    return True


def _expect_good(client: "CloudFormationClient", name: str) -> None:
    stack = _settled(client, name)
    if stack is None or stack["StackStatus"] not in _GOOD:
        status = stack["StackStatus"] if stack else "gone"
        raise DeployError("\n".join([f"{name} is {status}", *_failures(client, name)]))


def _settled(client: "CloudFormationClient", name: str) -> "StackTypeDef | None":
    """The stack once nothing is in progress; None when there is none. Raises: DeployError when it takes too long."""
    deadline = time.monotonic() + _LIMIT_SECONDS
    while time.monotonic() < deadline:
        try:
            stack = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        if stack["StackStatus"] == "DELETE_COMPLETE":
            return None
        if not stack["StackStatus"].endswith("_IN_PROGRESS"):
            return stack
        time.sleep(_POLL_SECONDS)
    raise DeployError(f"{name} has not settled in {_LIMIT_SECONDS} seconds")


def _failures(client: "CloudFormationClient", name: str) -> Iterator[str]:
    for event in reversed(client.describe_stack_events(StackName=name)["StackEvents"]):
        if event.get("ResourceStatus", "").endswith("FAILED"):
            reason = event.get("ResourceStatusReason", "no reason given")
            yield f"  {event.get('LogicalResourceId')} ({event.get('ResourceType')}): {reason}"


def _tag(stack: "StackTypeDef", key: str) -> str | None:
    return next((tag["Value"] for tag in stack.get("Tags", []) if tag["Key"] == key), None)
