"""Waits for a stack and reports progress: its events, and the state of an index that is being filled."""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.type_defs import StackEventTypeDef, StackTypeDef
    from mypy_boto3_dynamodb import DynamoDBClient

Say = Callable[[str], None]
HOURS = 6  # an index of a large table is filled for hours (AWS, "Managing Global Secondary Indexes in DynamoDB")
_POLL_SECONDS = 0.3
_SLOW_POLL_SECONDS = 3  # a stack that takes long need not be asked so often: the account has one quota for all


class TooLongError(RuntimeError):
    """The stack has not settled in the given time."""


class LeftError(RuntimeError):
    """The person pressed Ctrl-C; CloudFormation goes on."""


@dataclass
class Follower:
    """Follows one stack. `say` gets a line when there is news, at least every 15 seconds."""

    client: "CloudFormationClient"
    name: str
    tables: "DynamoDBClient | None" = None
    say: Say = print
    limit_seconds: float = HOURS * 3600
    say_every_seconds: float = 15
    _busy: dict[str, "StackEventTypeDef"] = field(default_factory=dict)
    _done: set[str] = field(default_factory=set)

    def stack(self) -> "StackTypeDef | None":
        """As it is now; None when there is none."""
        try:
            stack = self.client.describe_stacks(StackName=self.name)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return None if stack["StackStatus"] == "DELETE_COMPLETE" else stack

    def last_event(self) -> str | None:
        """The id of the newest event: later ones are news."""
        try:
            events = self.client.describe_stack_events(StackName=self.name)["StackEvents"]
        except ClientError:
            return None
        return events[0]["EventId"] if events else None

    def until_rest(self, *, since: str | None, begins: bool) -> "StackTypeDef | None":
        """The stack once nothing is in progress. `begins`: something was requested that may not have begun. Raises:
        TooLongError, LeftError."""
        started = said = time.monotonic()
        try:
            while True:
                news = list(self._news(since))
                since = news[-1]["EventId"] if news else since
                begins = begins and not news
                failed = [one for one in map(self._take, news) if one]
                stack = self.stack()
                if stack is None or (not begins and not stack["StackStatus"].endswith("_IN_PROGRESS")):
                    return stack
                now = time.monotonic()
                if failed or now - said >= self.say_every_seconds:
                    said = now
                    self._tell(failed, now - started, stack["StackStatus"])
                if now - started > self.limit_seconds:
                    raise TooLongError(f"{self.name} is still {stack['StackStatus']}")
                time.sleep(_SLOW_POLL_SECONDS if now - started > 60 else _POLL_SECONDS)
        except KeyboardInterrupt as interrupt:
            raise LeftError(self.name) from interrupt

    def failures(self, since: str | None) -> list[str]:
        """What has failed since that event, the root cause first."""
        return [
            f"  {event.get('LogicalResourceId')} ({event.get('ResourceType')}): "
            f"{event.get('ResourceStatusReason', 'no reason given')}"
            for event in self._news(since)
            if event.get("ResourceStatus", "").endswith("FAILED")
        ]

    def _news(self, since: str | None) -> Iterator["StackEventTypeDef"]:
        found: list[StackEventTypeDef] = []
        try:
            for page in self.client.get_paginator("describe_stack_events").paginate(StackName=self.name):
                for event in page["StackEvents"]:
                    if event["EventId"] == since:
                        return iter(reversed(found))
                    found.append(event)
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
        return iter(reversed(found))

    def _take(self, event: "StackEventTypeDef") -> str | None:
        """Remembers the event; returns the line of a failure."""
        name, status = event.get("LogicalResourceId", ""), event.get("ResourceStatus", "")
        if event.get("PhysicalResourceId") == event.get("StackId"):
            return None
        self._busy.pop(name, None)
        if status.endswith("_IN_PROGRESS"):
            self._busy[name] = event
        else:
            self._done.add(name)
        reason = event.get("ResourceStatusReason", "no reason given")
        return f"  failed: {name}: {reason}" if status.endswith("FAILED") else None

    def _tell(self, failed: list[str], seconds: float, status: str) -> None:
        for line in failed:
            self.say(line)
        busy = ", ".join(list(self._busy)[:4]) + (f" and {len(self._busy) - 4} more" if len(self._busy) > 4 else "")
        minutes = f"{int(seconds // 60)}:{int(seconds % 60):02}"
        self.say(f"  {minutes} {self.name} {status}: {len(self._done)} done{f', at work: {busy}' if busy else ''}")
        for event in self._busy.values():
            if event.get("ResourceType") == "AWS::DynamoDB::Table" and event.get("PhysicalResourceId"):
                for line in self._indexes(event["PhysicalResourceId"]):
                    self.say(line)

    def _indexes(self, table: str) -> Iterator[str]:
        if self.tables is None:
            return
        try:
            described = self.tables.describe_table(TableName=table)["Table"]
        except ClientError:
            return  # it is only told, and asked again in 15 seconds
        for index in described.get("GlobalSecondaryIndexes", []):
            if index.get("IndexStatus") != "ACTIVE":
                filled = "is filled" if index.get("Backfilling") else "is made ready"
                if index.get("IndexStatus") == "DELETING":
                    filled = "is deleted"
                counts = f"{index.get('ItemCount', 0):,} of about {described.get('ItemCount', 0):,} items"
                yield f"       {table}: index {index.get('IndexName')} {filled} ({counts}, counted every six hours)"
