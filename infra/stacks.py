"""CloudFormation stacks: changes are planned and checked first, then executed and followed; failures are explained."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from botocore.exceptions import ClientError

from infra.change_sets import ChangeSet, ChangeSetError, prepare, prepare_import
from infra.diff import told
from infra.following import HOURS, Follower, LeftError, Say, TooLongError
from infra.guard import refusals, words_of
from infra.resolved import Resources, read_template, resolve
from infra.stack_states import GOOD, MUST_GO, how_to_fix

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import ChangeSetTypeType
    from mypy_boto3_cloudformation.type_defs import ResourceToImportTypeDef, StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient

_UNDECIDED: Final = "REVIEW_IN_PROGRESS"  # a change set that nobody has executed yet

Agree = Callable[[Sequence[str]], bool]  # is shown what would change


class DeployError(RuntimeError):
    """A stack did not reach the wanted state; the message names each resource and its reason. Retryable once fixed."""


class RefusedError(DeployError):
    """A person said no, or it would fail or lose data: nothing was changed."""


@dataclass(frozen=True)
class Waiting:
    """How to wait for a stack."""

    tables: "DynamoDBClient | None" = None  # asked how far an index is filled
    say: Say = print
    hours: float = HOURS


@dataclass(frozen=True)
class Plan:
    """Changes of one stack, made only by `execute`. `lines` is for people."""

    name: str
    lines: Sequence[str]
    is_new: bool
    _client: "CloudFormationClient"
    _follower: Follower
    _changes: ChangeSet

    def execute(self) -> None:
        """Makes the changes and waits for them. Raises: DeployError."""
        since = self._follower.last_event()
        try:
            self._client.execute_change_set(StackName=self.name, ChangeSetName=self._changes.arn)
        except ClientError:  # AWS has refused to begin
            self.drop()
            raise
        stack = _rest(self._follower, since=since, begins=True)
        if stack is None or stack["StackStatus"] not in GOOD:
            status = stack["StackStatus"] if stack else "gone"
            raise DeployError("\n".join([f"{self.name} is {status}", *self._follower.failures(since)]))

    def drop(self) -> None:
        """Leaves everything as it was."""
        self._client.delete_change_set(StackName=self.name, ChangeSetName=self._changes.arn)
        if self.is_new:  # what the question left behind: a stack without resources
            self._client.delete_stack(StackName=self.name)


def plan_stack(
    client: "CloudFormationClient",
    name: str,
    *,
    template: str,
    template_url: str,
    parameters: Mapping[str, str],
    allowed: Collection[str] = (),
    waiting: Waiting | None = None,
    guarded: bool = True,
) -> Plan | None:
    """The changes that bring the stack to this template, which CloudFormation fetches from `template_url` (a call holds
    at most 51,200 bytes); None if nothing would change. A stack that somebody else is changing is waited for; one that
    never completed is removed first. `allowed` are resources whose loss a person has agreed to. Raises: DeployError,
    RefusedError."""
    follower = _follower(client, name, waiting)
    stack = _usable(client, follower)
    before = _deployed(client, stack) if stack else {}
    document = read_template(template)
    after = resolve(document, parameters)
    whole = "Transform" not in document  # what CloudFormation has yet to expand cannot be compared
    if guarded and whole and (refused := refusals(before, after, allowed=allowed)):
        raise RefusedError("\n".join([f"{name}: nothing was changed", *words_of(refused)]))
    try:
        kind: ChangeSetTypeType = "UPDATE" if stack else "CREATE"
        changes = prepare(client, name, kind=kind, template_url=template_url, parameters=parameters)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # of the template; others are about rights, limits, …
            raise
        raise DeployError(f"{name}: {error.response['Error'].get('Message', error)}") from error
    except ChangeSetError as error:
        raise DeployError(str(error)) from error
    if changes is None:
        return None
    lines = told(changes.changes, before=before, after=after)
    return Plan(name, lines or ["= nothing that a resource has"], stack is None, client, follower, changes)


def take_in(
    client: "CloudFormationClient",
    name: str,
    *,
    template: str,
    resources: Sequence["ResourceToImportTypeDef"],
    waiting: Waiting | None = None,
) -> None:
    """Makes the stack from existing resources, which stay as they are. Raises: DeployError."""
    follower = _follower(client, name, waiting)
    try:
        changes = prepare_import(client, name, template=template, resources=resources)
    except ChangeSetError as error:
        raise DeployError(str(error)) from error
    Plan(name, (), True, client, follower, changes).execute()


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
    """Plans, asks, executes; returns whether anything was done. With `replace` a changed stack is deleted and created
    again. Raises: DeployError, RefusedError."""

    def planned() -> Plan | None:
        return plan_stack(
            client,
            name,
            template=template,
            template_url=template_url,
            parameters=parameters,
            guarded=not replace,
        )

    plan = planned()
    if plan is None:
        return False
    if not agree(plan.lines):
        plan.drop()
        raise RefusedError(f"{name}: nothing was changed")
    if replace and not plan.is_new:
        plan.drop()
        delete_stack(client, name)
        plan = planned()
    if plan:
        plan.execute()
    return True


def delete_stack(client: "CloudFormationClient", name: str, *, waiting: Waiting | None = None) -> None:
    """Deletes the stack and waits; a missing one is fine. Raises: DeployError."""
    follower = _follower(client, name, waiting)
    since = follower.last_event()
    client.delete_stack(StackName=name)
    left = _rest(follower, since=since, begins=True)
    if left is not None:
        raise DeployError("\n".join([f"{name} is {left['StackStatus']}", *follower.failures(since)]))


def _follower(client: "CloudFormationClient", name: str, waiting: Waiting | None) -> Follower:
    waiting = waiting or Waiting()
    return Follower(client, name, tables=waiting.tables, say=waiting.say, limit_seconds=waiting.hours * 3600)


def _usable(client: "CloudFormationClient", follower: Follower) -> "StackTypeDef | None":
    """The stack, settled and able to change; None if it has to be created. Raises: DeployError."""
    stack, name = follower.stack(), follower.name
    if stack and stack["StackStatus"] != _UNDECIDED and stack["StackStatus"].endswith("_IN_PROGRESS"):
        follower.say(f"{name} is {stack['StackStatus']}: a change that was begun earlier goes on, and is waited for")
        stack = _rest(follower, since=follower.last_event(), begins=False)
    if stack is None or stack["StackStatus"] == _UNDECIDED:
        return None
    status = stack["StackStatus"]
    if status in MUST_GO:
        follower.say(f"{name} is {status}: what is left of it is deleted first")
        delete_stack(client, name)
        return None
    if fix := how_to_fix(name, status):
        raise DeployError("\n".join([fix, *follower.failures(None)[-5:]]))
    return stack


def _rest(follower: Follower, *, since: str | None, begins: bool) -> "StackTypeDef | None":
    name = follower.name
    try:
        return follower.until_rest(since=since, begins=begins)
    except TooLongError as error:
        raise DeployError(
            f"{error}: CloudFormation goes on; `make deploy` again follows it (HOURS=… waits longer)"
        ) from error
    except LeftError as error:
        raise DeployError(
            f"{name}: nobody waits any more, and CloudFormation goes on by itself. `make deploy` again follows it; "
            f"the way back: aws cloudformation cancel-update-stack --stack-name {name}"
        ) from error


def _deployed(client: "CloudFormationClient", stack: "StackTypeDef") -> Resources:
    """The resources of the template deployed last, with its parameters."""
    body = client.get_template(StackName=stack["StackName"], TemplateStage="Processed")["TemplateBody"]
    given = {one["ParameterKey"]: one.get("ParameterValue", "") for one in stack.get("Parameters", [])}
    return resolve(read_template(body), given)
