"""CloudFormation stacks: made, updated or deleted, waited for, and a failure told in words. Called by `deploy.py` and
`destroy.py`."""

import hashlib
import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.change_sets import ChangeSet, ChangeSetError, prepare

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackTypeDef

_GOOD = {"CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE"}
_ONLY_DELETABLE = {"ROLLBACK_COMPLETE", "DELETE_FAILED"}  # a failed first creation; a deletion that stopped half-way
_INPUTS_TAG = "vestnik-inputs"  # the digest of what the stack was last deployed from
_POLL_SECONDS = 0.2
_LIMIT_SECONDS = 900

Agree = Callable[[Sequence[str]], bool]  # is shown what would change, a line a resource


class DeployError(RuntimeError):
    """A stack did not reach its wanted state; the message names each resource and its reason. Retryable once mended."""


class RefusedError(DeployError):
    """Whoever was asked said no: nothing was changed."""


def deploy_stack(
    client: "CloudFormationClient",
    name: str,
    *,
    template: str,
    template_url: str,
    parameters: Mapping[str, str],
    replace: bool = False,
    agree: Agree = lambda _: True,
) -> bool:
    """Brings the stack to this template, which CloudFormation fetches from `template_url` (in a call it takes 51,200
    bytes at most). Answers whether anything had to be done: the stack itself remembers what
    it was made from, so that a lost file never makes it look deployed. With `replace` a changed stack is deleted and
    made anew. `agree` is asked before anything is changed. Raises: DeployError, RefusedError."""
    inputs = hashlib.sha256(json.dumps([template, dict(sorted(parameters.items()))]).encode()).hexdigest()
    stack = _settled(client, name)
    if stack and stack["StackStatus"] in _GOOD and _tag(stack, _INPUTS_TAG) == inputs:
        return False
    if stack and (replace or stack["StackStatus"] in _ONLY_DELETABLE):
        delete_stack(client, name)
        stack = None
    try:
        changes = prepare(
            client,
            name,
            kind="UPDATE" if stack else "CREATE",
            template_url=template_url,
            parameters=parameters,
            tags=[{"Key": _INPUTS_TAG, "Value": inputs}],
        )
    except ClientError as error:
        raise DeployError(f"{name}: {error.response['Error'].get('Message', error)}") from error
    except ChangeSetError as error:
        raise DeployError(str(error)) from error
    if changes is None:
        return False
    _ask(client, name, changes, agree, is_new=stack is None)
    client.execute_change_set(ChangeSetName=changes.arn)
    _expect_good(client, name, inputs)
    return True


def delete_stack(client: "CloudFormationClient", name: str) -> None:
    """Deletes the stack and waits; one that is not there is fine. Raises: DeployError."""
    client.delete_stack(StackName=name)
    left = _settled(client, name)
    if left is not None:
        raise DeployError("\n".join([f"{name} is {left['StackStatus']}", *_failures(client, name)]))


def _ask(client: "CloudFormationClient", name: str, changes: ChangeSet, agree: Agree, *, is_new: bool) -> None:
    if agree(changes.lines):
        return
    client.delete_change_set(ChangeSetName=changes.arn)
    if is_new:  # what the question left behind: a stack without resources
        client.delete_stack(StackName=name)
    raise RefusedError(f"{name}: nothing was changed")


def _expect_good(client: "CloudFormationClient", name: str, inputs: str) -> None:
    deadline = time.monotonic() + _LIMIT_SECONDS
    stack = _settled(client, name, waits_for_execution=True)
    while stack and stack["StackStatus"] in _GOOD and _tag(stack, _INPUTS_TAG) != inputs:
        # The execution has not begun yet: this is still the state before it.
        if time.monotonic() > deadline:
            raise DeployError(f"{name}: the change set was not executed in {_LIMIT_SECONDS} seconds")
        time.sleep(_POLL_SECONDS)
        stack = _settled(client, name, waits_for_execution=True)
    if stack is None or stack["StackStatus"] not in _GOOD:
        status = stack["StackStatus"] if stack else "gone"
        raise DeployError("\n".join([f"{name} is {status}", *_failures(client, name)]))


def _settled(client: "CloudFormationClient", name: str, *, waits_for_execution: bool = False) -> "StackTypeDef | None":
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
        if stack["StackStatus"] == "REVIEW_IN_PROGRESS" and not waits_for_execution:
            return None  # a change set that nobody executed
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
