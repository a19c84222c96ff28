"""The doctor's checks of the platform: stack, event source mappings, the clock, alarms, secrets, dead letters, circuit
breakers. Each says what is wrong and what to do."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

import boto3
from botocore.exceptions import ClientError

from chalicelib.clock import now
from chalicelib.flow.dead_letters import KEPT, Depth
from chalicelib.flow.event_sources import EventSource
from chalicelib.flow.queues import QueueMessage
from chalicelib.manifest import CONSUMERS
from chalicelib.security.signing import KEYS, parameter_name
from chalicelib.settings import Settings
from chalicelib.stage.app import stage
from chalicelib.storage.circuit_breakers import CircuitBreaker
from infra.room import MORE, kept, no_room
from infra.stages import doors_of

_LOOKED_AT = 10  # dead letters of a queue, of which the oldest is told
_MISSED_SECONDS = 180  # two minutes without a tick, and the one that is running
GOOD_STACK = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")


@dataclass(frozen=True)
class Finding:
    """Something that is wrong, or could not be checked (`unknown`), and what to do about it."""

    wrong: str
    remedy: str
    unknown: bool = False


class Platform:
    """A live stage, seen with the credentials and endpoint of the environment."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def stack(self) -> Iterator[Finding]:
        """Is the infra stack complete?"""
        name = self._settings.resource("infra")
        try:
            status = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackStatus"]
        except ClientError as error:
            if "does not exist" not in str(error):
                raise
            yield Finding(f"there is no stack {name}", self._deploy())
            return
        if status not in GOOD_STACK:
            yield Finding(
                f"the stack {name} is {status}", f"see its events for the first failure, then {self._deploy()}"
            )

    def mappings(self) -> Iterator[Finding]:
        """Does every queue have its reader, with partial failures on?"""
        flags = {
            mapping.get("EventSourceArn", "").rpartition(":")[2]: mapping.get("FunctionResponseTypes", [])
            for page in boto3.client("lambda").get_paginator("list_event_source_mappings").paginate()
            for mapping in page["EventSourceMappings"]
        }
        known = {consumer.queue: consumer for consumer in stage().consumers.read_all()}
        for queue in CONSUMERS:
            if queue not in known:
                yield Finding(f"nothing reads the queue {queue}: its mapping is gone", self._deploy())
                continue
            if "ReportBatchItemFailures" not in flags.get(self._settings.resource(queue), []):
                wrong = f"the mapping of {queue} does not report partial failures: what fails there is LOST"
                yield Finding(wrong, f"{self._deploy()} at once")
            if not known[queue].enabled:
                yield _off(known[queue])

    def clock(self) -> Iterator[Finding]:
        """Is the schedule on, and has a tick completed recently?"""
        name = self._settings.resource("tick")
        try:
            state = boto3.client("scheduler").get_schedule(Name=name)["State"]
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            yield Finding(f"there is no schedule {name}: nothing periodic happens", self._deploy())
            return
        if state != "ENABLED":
            yield Finding(f"the schedule {name} is {state}: nothing periodic happens", self._deploy())
        if not self._ticked(f"/aws/lambda/{name}"):
            wrong = f"no tick has come to its end in the last {_MISSED_SECONDS // 60} minutes"
            yield Finding(wrong, "see `tick-missed` in docs/operations.md; a new stage needs its first minutes")

    def _ticked(self, group: str) -> bool:
        since = int((time.time() - _MISSED_SECONDS) * 1000)
        pages = boto3.client("logs").get_paginator("filter_log_events")
        try:
            return any(page["events"] for page in pages.paginate(logGroupName=group, startTime=since))
        except ClientError as error:
            if error.response["Error"]["Code"] != "ResourceNotFoundException":
                raise
            return False

    def alarms(self) -> Iterator[Finding]:
        """Which alarms are on, and does anybody receive them?"""
        prefix = self._settings.resource("")
        pages = boto3.client("cloudwatch").get_paginator("describe_alarms")
        for page in pages.paginate(AlarmNamePrefix=prefix, StateValue="ALARM", AlarmTypes=["MetricAlarm"]):
            for alarm in page["MetricAlarms"]:
                name = alarm["AlarmName"]
                yield Finding(
                    f"the alarm {name} is on: {alarm['AlarmDescription']}", "its section in docs/operations.md"
                )
        yield from self._listeners()

    def _listeners(self) -> Iterator[Finding]:
        if self._settings.stage == "local":  # no one is on call for a local cloud
            return
        sns = boto3.client("sns")
        topics = [t["TopicArn"] for page in sns.get_paginator("list_topics").paginate() for t in page["Topics"]]
        own = [one for one in topics if one.endswith(f":{self._settings.resource('alarms')}")]
        listeners = [s for one in own for s in sns.list_subscriptions_by_topic(TopicArn=one)["Subscriptions"]]
        if not [one for one in listeners if one["SubscriptionArn"] != "PendingConfirmation"]:
            remedy = "set alarm_email of the stage in .chalice/config.json, deploy, and confirm the letter from AWS"
            yield Finding("nobody hears the alarms: their topic has no confirmed subscriber", remedy)

    def secrets(self) -> Iterator[Finding]:
        """Are the keys there, encrypted? They are not read."""
        names = [parameter_name(self._settings.stage, key) for key in KEYS]
        wanted = [{"Key": "Name", "Option": "Equals", "Values": names}]
        answer = boto3.client("ssm").describe_parameters(ParameterFilters=wanted)  # type: ignore[arg-type]
        found = {one["Name"]: one["Type"] for one in answer["Parameters"]}
        for name in names:
            if name not in found:
                yield Finding(f"there is no key {name}: no letter can be sent", self._deploy())
            elif found[name] != "SecureString":
                yield Finding(f"the key {name} is not encrypted", "docs/operations.md, Rotating keys")

    def dead_letters(self) -> Iterator[Finding]:
        """What waits for a person?"""
        depths: dict[str, Depth] = dict(stage().queue_depths.read())
        for queue, depth in depths.items():
            if depth.dead:
                remedy = f"look at them, put them back or drop them: `{queue}-dlq-not-empty` in docs/operations.md"
                life = _life_of(stage().dead_letters.look(queue, limit=_LOOKED_AT))
                yield Finding(f"{depth.dead} dead letters of {queue}{life}", remedy)

    def switches(self) -> Iterator[Finding]:
        """What is held back?"""
        for switch in stage().switches.read_all():
            if switch.state == "open":
                yield _open(switch)

    def concurrency(self) -> Iterator[Finding]:
        """May all workers run at once, next to the API? Have the public pages their reserved concurrency?"""
        lambdas, stage = boto3.client("lambda"), self._settings.stage
        wanted = sum(spec.max_concurrency for spec in CONSUMERS.values())
        limit = lambdas.get_account_settings().get("AccountLimit", {}).get("ConcurrentExecutions")
        if limit is not None and limit <= wanted:
            wrong = f"Lambda runs {limit} functions at once in this account; the workers alone may want {wanted}"
            yield Finding(wrong, MORE)
        pages = doors_of(stage).pages_at_once or 0
        if (now := kept(lambdas, stage)) != pages:
            wrong = f"{now} executions are kept for the public pages, and {pages} should be"
            yield Finding(wrong, no_room(lambdas, stage) or self._deploy())

    def _deploy(self) -> str:
        return f"make deploy STAGE={self._settings.stage}"


def _life_of(letters: Sequence[QueueMessage]) -> str:
    """SQS removes a message 14 days after it was first sent, from dead-letter queues too."""
    if not letters:
        return ""
    left = min(one.sent_at for one in letters) + KEPT - now()
    return f"; SQS removes the oldest of the first {len(letters)} in {max(0, left // timedelta(hours=1))} hours"


def _off(consumer: EventSource) -> Finding:
    if consumer.paused:
        return Finding(f"the consumer of {consumer.queue} is paused by a person", "resume it: Subsystems, Consumers")
    if consumer.waits_for:
        wrong = f"the consumer of {consumer.queue} waits for the switch {consumer.waits_for}"
        return Finding(wrong, f"see `switch-{consumer.waits_for}-open` in docs/operations.md")
    wrong = f"the consumer of {consumer.queue} is off, and nobody wants that"
    return Finding(wrong, "the next tick turns it on; if it does not, see the clock")


def _open(switch: CircuitBreaker) -> Finding:
    wrong = f"the switch {switch.name} is open, by {switch.by}: {switch.reason}"
    return Finding(wrong, f"see `switch-{switch.name}-open` in docs/operations.md")
