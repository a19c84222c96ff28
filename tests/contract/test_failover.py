"""The failover desk knows every consumer that the template deploys, and may do what it offers."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from chalicelib.manifest import CHANNELS, CONSUMERS, SUBSYSTEMS
from infra.app_policies import policy_file, with_queues
from tests.contract.test_infra import template

__all__ = ["template"]


def deployed(template: dict[str, Any]) -> dict[str, tuple[str, int]]:
    """Worker and concurrency of each queue, as the template has them."""
    found = {}
    for resource in template["Resources"].values():
        if isinstance(resource, dict) and resource.get("Type") == "AWS::Serverless::Function":
            properties = resource["Properties"]
            for source in properties.get("Events", {}).values():
                if source["Type"] == "SQS":
                    queue = template["Mappings"]["Queues"][source["Properties"]["Queue"].removesuffix("Queue.Arn")]
                    concurrency = source["Properties"]["ScalingConfig"]["MaximumConcurrency"]
                    found[queue["Name"]] = (properties["Handler"].split(".")[1], int(concurrency))
    return found


def test_every_consumer_of_the_template_is_at_the_desk_with_its_worker_and_its_concurrency(
    template: dict[str, Any],
) -> None:
    known = {spec.queue: (spec.worker, spec.max_concurrency) for spec in CONSUMERS.values()}
    assert known == deployed(template)


def test_every_channel_has_its_consumers_and_its_switch() -> None:
    for name, channel in CHANNELS.items():
        assert channel.subsystem in SUBSYSTEMS
        assert {CONSUMERS[q].subsystem for q in (f"deliver-{name}", f"deliver-{name}-bulk")} == {channel.subsystem}


@pytest.mark.parametrize("stage", ["local", "dev", "prod"])
def test_the_app_may_look_into_the_dead_letters_of_every_queue_and_put_them_back(stage: str) -> None:
    policy = json.loads(policy_file(stage).read_text())
    assert with_queues(deepcopy(policy), stage) == policy, "run `make docs`"
    allowed = set(rights(policy_file(stage)))
    prefix = f"arn:aws:sqs:*:*:vestnik-{stage}-"
    for queue in CONSUMERS:
        for action in (
            "ReceiveMessage",
            "DeleteMessage*",
            "ChangeMessageVisibility*",
            "GetQueueAttributes",
            "GetQueueUrl",
        ):
            assert (f"sqs:{action}", f"{prefix}{queue}-dlq") in allowed
        for action in ("SendMessage*", "GetQueueUrl"):
            assert (f"sqs:{action}", f"{prefix}{queue}") in allowed


def rights(policy: Path) -> list[tuple[str, str]]:
    statements = json.loads(policy.read_text())["Statement"]
    return [
        (action, arn)
        for statement in statements
        for action in statement["Action"]
        for arn in ([statement["Resource"]] if isinstance(statement["Resource"], str) else statement["Resource"])
    ]
