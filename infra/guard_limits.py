"""What AWS accepts in no release at all: values beyond its limits, and parts that do not fit each other. A new stage is
checked too."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.refusals import Refusal
from infra.resolved import Resources

_RANGES: Final = {  # AWS, "SetQueueAttributes", "Amazon SQS message quotas"
    "MessageRetentionPeriod": (60, 1209600),
    "VisibilityTimeout": (0, 43200),
    "DelaySeconds": (0, 900),
    "ReceiveMessageWaitTimeSeconds": (0, 20),
    "MaximumMessageSize": (1024, 1048576),
}
_PROJECTED_AT_MOST: Final = 100


def impossible(resources: Resources) -> Iterator[Refusal]:
    """What AWS would refuse of these resources."""
    for name, resource in resources.items():
        check = _CHECKS.get(resource["Type"])
        if check:
            yield from check(name, resource.get("Properties", {}), resources)


def _queue(name: str, queue: Mapping[str, Any], _resources: Resources) -> Iterator[Refusal]:
    kind = "AWS::SQS::Queue"
    for key, (least, most) in _RANGES.items():
        value = _number(queue.get(key))
        if value is not None and not least <= value <= most:
            yield Refusal(
                name,
                kind,
                f"{key} is {value}",
                f'AWS, "SetQueueAttributes": {least} to {most}',
                ("say less" if value > most else "say more",),
            )
    called = queue.get("QueueName")
    if isinstance(called, str) and _true(queue.get("FifoQueue")) != called.endswith(".fifo"):
        yield Refusal(
            name,
            kind,
            f"{called} and FifoQueue: {queue.get('FifoQueue', False)} do not fit",
            'AWS, "CreateQueue": the name of a FIFO queue, and of no other, ends in .fifo',
            ("a queue never becomes FIFO: make a new one, let the old one be read until it is empty, then remove it",),
        )


def _table(name: str, table: Mapping[str, Any], _resources: Resources) -> Iterator[Refusal]:
    indexes = [*(table.get("GlobalSecondaryIndexes") or []), *(table.get("LocalSecondaryIndexes") or [])]
    used = {one["AttributeName"] for part in (table, *indexes) for one in part.get("KeySchema") or []}
    defined = {one["AttributeName"] for one in table.get("AttributeDefinitions") or []}
    for wrong in (
        *(f"{one} is defined, and no key has it" for one in sorted(defined - used)),
        *(f"{one} is a key, and not defined" for one in sorted(used - defined)),
    ):
        rule = 'AWS, "CreateTable": AttributeDefinitions name the keys of table and indexes, and no more'
        yield Refusal(name, "AWS::DynamoDB::Table", wrong, rule, ("correct AttributeDefinitions",))
    projected = sum(len(one.get("Projection", {}).get("NonKeyAttributes") or []) for one in indexes)
    if projected > _PROJECTED_AT_MOST:
        yield Refusal(
            name,
            "AWS::DynamoDB::Table",
            f"its indexes carry {projected} attributes together",
            f'AWS, "Projection": NonKeyAttributes of all indexes of a table are {_PROJECTED_AT_MOST} at most',
            ("carry fewer, or ALL",),
        )


def _function(name: str, function: Mapping[str, Any], resources: Resources) -> Iterator[Refusal]:
    architectures = set(function.get("Architectures") or ["x86_64"])
    for reference in function.get("Layers") or []:
        layer = resources.get(reference.get("Ref", "") if isinstance(reference, dict) else "", {}).get("Properties", {})
        runtimes = layer.get("CompatibleRuntimes") or [function.get("Runtime")]
        built_for = set(layer.get("CompatibleArchitectures") or architectures)
        if function.get("Runtime") not in runtimes or not architectures <= built_for:
            runs = f"{function.get('Runtime')} on {', '.join(sorted(architectures))}"
            has = f"{', '.join(map(str, runtimes))} on {', '.join(sorted(built_for))}"
            yield Refusal(
                name,
                "AWS::Lambda::Function",
                f"runs {runs}, and its layer is built for {has}: no import would succeed",
                'AWS, "Adding layers to functions": the layer\'s packages have to fit runtime and architecture',
                ("build both from one setting of the stage",),
            )


def _mapping(name: str, mapping: Mapping[str, Any], resources: Resources) -> Iterator[Refusal]:
    queue = resources.get(_referred(mapping.get("EventSourceArn")), {}).get("Properties", {})
    called = resources.get(_referred(mapping.get("FunctionName")), {})
    if called.get("Type") == "AWS::Lambda::Alias":
        called = resources.get(_referred(called["Properties"]["FunctionName"]), {})
    function = called.get("Properties", {})
    visible, timeout = _number(queue.get("VisibilityTimeout", 30)), _number(function.get("Timeout", 3))
    if queue and function and visible is not None and timeout is not None and visible < timeout:
        yield Refusal(
            name,
            "AWS::Lambda::EventSourceMapping",
            f"its queue hides a message for {visible} s, and its function may take {timeout} s",
            'AWS, "Configuring an Amazon SQS queue to use with Lambda": "Queue visibility timeout … is less than '
            'Function timeout"; six times as long is advised',
            ("raise the visibility timeout of the queue first",),
        )


def _referred(value: Any) -> str:
    if not isinstance(value, dict):
        return ""
    target = value.get("Ref") or value.get("Fn::GetAtt") or ""
    return target[0] if isinstance(target, list) else str(target).partition(".")[0]


def _number(value: Any) -> int | None:
    try:
        return int(value)
    except (TypeError, ValueError):
        return None


def _true(value: Any) -> bool:
    return str(value).lower() == "true"


_CHECKS: Final = {
    "AWS::SQS::Queue": _queue,
    "AWS::DynamoDB::Table": _table,
    "AWS::Lambda::Function": _function,
    "AWS::Lambda::EventSourceMapping": _mapping,
}
