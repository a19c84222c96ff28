"""Event source mappings on moto: a function for each worker, a queue and a mapping for each consumer."""

import io
import json
import zipfile
from typing import Any

import boto3

from chalicelib.flow.event_sources import ALIAS, EventSources
from chalicelib.manifest import CONSUMERS
from chalicelib.settings import settings
from chalicelib.storage.circuit_breakers import CircuitBreakers
from tests.integration.control.conftest import HandClock


def consumers(switches: CircuitBreakers, clock: HandClock) -> EventSources:
    """Those of the stage, as one process sees them."""
    return EventSources(lambda: boto3.client("lambda"), switches, clock=clock, prefix=settings().resource(""))


def deploy(*workers: str, released: bool = False) -> None:
    """The consumers of some workers, or all, as infra/template.yaml makes them; `released`: as infra/releases.py does,
    at the alias. From then on moto takes what is put into such a queue, and has nothing to run it with."""
    specs = [spec for spec in CONSUMERS.values() if not workers or spec.worker in workers]
    lambdas, sqs = boto3.client("lambda"), boto3.client("sqs")
    role = boto3.client("iam").create_role(RoleName="worker", AssumeRolePolicyDocument=json.dumps({}))["Role"]["Arn"]
    for worker in {spec.worker for spec in specs}:
        name = settings().resource(worker)
        lambdas.create_function(
            FunctionName=name,
            Runtime="python3.11",
            Role=role,
            Handler=f"functions.{worker}.handler",
            Code={"ZipFile": _zip()},
            Publish=released,
        )
        if released:
            lambdas.create_alias(FunctionName=name, Name=ALIAS, FunctionVersion="1")
    for spec in specs:
        url = sqs.create_queue(QueueName=settings().resource(spec.queue))["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        lambdas.create_event_source_mapping(
            EventSourceArn=arn,
            FunctionName=settings().resource(spec.worker) + (f":{ALIAS}" if released else ""),
            BatchSize=10,
            ScalingConfig={"MaximumConcurrency": spec.max_concurrency},
        )


def mapping(queue: str) -> Any:
    """A queue's mapping as AWS tells it."""
    [found] = [m for m in all_mappings() if m["EventSourceArn"].endswith(f":{settings().resource(queue)}")]
    return found


def all_mappings() -> list[Any]:
    return list(boto3.client("lambda").list_event_source_mappings()["EventSourceMappings"])


def are_on() -> set[str]:
    """The queues that are read."""
    prefix = settings().resource("")
    on = [m["EventSourceArn"] for m in all_mappings() if m["State"] == "Enabled"]
    return {arn.rpartition(":")[2].removeprefix(prefix) for arn in on}


def _zip() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("functions/__init__.py", "")
    return packed.getvalue()
