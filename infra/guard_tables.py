"""What DynamoDB and CloudFormation cannot do to a table in one update."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from infra.refusals import Refusal

_KIND: Final = "AWS::DynamoDB::Table"
_INDEX_RULE: Final = (
    'AWS, "AWS::DynamoDB::Table", GlobalSecondaryIndexes: "Updates are not supported", except for capacity; "You can '
    'delete or add one global secondary index without interruption. If you do both in the same update, it fails"'
)
_ONE_AT_ONCE: Final = (
    'AWS, "UpdateTable": "You can only perform one of the following operations at once: modify the provisioned '
    'throughput; remove an index; create an index"'
)

Properties = Mapping[str, Any]


def table_refusals(name: str, old: Properties, new: Properties) -> Iterator[Refusal]:
    """Which changes of a table would be refused."""
    for check in (_indexes, _local_indexes, _attribute_types, _time_to_live, _billing):
        yield from check(name, old, new)


def _indexes(name: str, old: Properties, new: Properties) -> Iterator[Refusal]:
    olds, news = _by_name(old, "Global"), _by_name(new, "Global")
    edited = [one for one in sorted(olds.keys() & news.keys()) if _differs(old, olds[one], new, news[one])]
    made, deleted = sorted(news.keys() - olds.keys()), sorted(olds.keys() - news.keys())
    if edited:
        parts = "; ".join(f"{one}: {_differs(old, olds[one], new, news[one])}" for one in edited)
        wrong = f"live indexes would change ({parts}): the release is rolled back"
        adds = [*made, *(f"{one}-2, as {one} should be, and read it; {one} stays" for one in edited)]
        yield Refusal(name, _KIND, wrong, _INDEX_RULE, _one_by_one(adds, [*deleted, *edited]))
    elif len(made) + len(deleted) > 1:
        listed = ", ".join([*(f"+{one}" for one in made), *(f"-{one}" for one in deleted)])
        wrong = f"{len(made) + len(deleted)} indexes are made or deleted at once ({listed}): the release is rolled back"
        yield Refusal(name, _KIND, wrong, _INDEX_RULE, _one_by_one(made, deleted))
    elif made + deleted and _capacity(old) != _capacity(new):
        steps = (f"release 1: the index {(made + deleted)[0]} alone", "release 2: the capacity")
        yield Refusal(
            name, _KIND, f"the index {(made + deleted)[0]} and the capacity change at once", _ONE_AT_ONCE, steps
        )


def _differs(old: Properties, was: Properties, new: Properties, will: Properties) -> str:
    parts = ("KeySchema", "Projection")
    return " and ".join(part for part in parts if _shape(old, was, part) != _shape(new, will, part))


def _one_by_one(made: Sequence[str], deleted: Sequence[str]) -> tuple[str, ...]:
    """One release for each step: what is read is made before what it replaces is deleted."""
    steps = [*(f"add {one}" for one in made), *(f"remove {one}" for one in deleted)]
    return tuple(f"release {place}: {step}" for place, step in enumerate(steps, 1))


def _local_indexes(name: str, old: Properties, new: Properties) -> Iterator[Refusal]:
    if _by_name(old, "Local") != _by_name(new, "Local"):
        yield Refusal(
            name,
            _KIND,
            "a local index would change, for which the table is replaced, and its name is taken",
            'AWS, "Local secondary indexes": they are made together with the table, and deleted with it',
            ("use a global index: release 1 adds it, release 2 removes what it replaces",),
        )


def _attribute_types(name: str, old: Properties, new: Properties) -> Iterator[Refusal]:
    olds, news = _types(old), _types(new)
    if edited := sorted(one for one in olds.keys() & news.keys() if olds[one] != news[one]):
        yield Refusal(
            name,
            _KIND,
            f"the type of {', '.join(edited)} would change, for which the table is replaced, and its name is taken",
            'AWS, "AWS::DynamoDB::Table", AttributeDefinitions: "Replacement if you edit an existing '
            'AttributeDefinition"',
            (
                "release 1: write the value to a new attribute too, with an index of its own",
                "release 2: read that one; remove the old index",
            ),
        )


def _time_to_live(name: str, old: Properties, new: Properties) -> Iterator[Refusal]:
    was, will = (one.get("TimeToLiveSpecification", {}) for one in (old, new))
    if not (_on(was) and _on(will)) or was.get("AttributeName") == will.get("AttributeName"):
        return
    yield Refusal(
        name,
        _KIND,
        f"rows would expire by {will.get('AttributeName')}, not {was.get('AttributeName')}: the release is rolled back",
        'AWS, "AWS::DynamoDB::Table TimeToLiveSpecification": "To update this property, you must first disable TTL and '
        'then enable TTL with the new attribute name"; each takes up to an hour ("UpdateTimeToLive")',
        (
            "release 1: Enabled: false; rows of the time between do not expire until release 2",
            "release 2, an hour later: the new attribute, Enabled: true",
        ),
    )


def _billing(name: str, old: Properties, new: Properties) -> Iterator[Refusal]:
    if new.get("BillingMode", "PROVISIONED") != "PROVISIONED" or old.get("BillingMode", "PROVISIONED") == "PROVISIONED":
        return
    lacking = [one for one, index in _by_name(new, "Global").items() if "ProvisionedThroughput" not in index]
    if "ProvisionedThroughput" not in new:
        lacking.insert(0, "the table")
    if lacking:
        yield Refusal(
            name,
            _KIND,
            f"is switched to provisioned capacity, and {', '.join(lacking)} has none",
            'AWS, "UpdateTable", BillingMode: "initial provisioned capacity values must be set"',
            ("give ProvisionedThroughput to the table and to each of its global indexes",),
        )


def _by_name(table: Properties, scope: str) -> dict[str, Any]:
    return {one["IndexName"]: one for one in table.get(f"{scope}SecondaryIndexes") or []}


def _shape(table: Properties, index: Mapping[str, Any], part: str) -> Any:
    """Without differences that do not matter: the order of projected attributes."""
    if part == "KeySchema":
        types = _types(table)
        return [(one["AttributeName"], one["KeyType"], types.get(one["AttributeName"])) for one in index[part]]
    projection = index.get(part, {})
    return projection.get("ProjectionType"), sorted(projection.get("NonKeyAttributes") or [])


def _types(table: Properties) -> dict[str, str]:
    return {one["AttributeName"]: one["AttributeType"] for one in table.get("AttributeDefinitions") or []}


def _capacity(table: Properties) -> tuple[Any, ...]:
    return table.get("BillingMode", "PROVISIONED"), table.get("ProvisionedThroughput")


def _on(specification: Mapping[str, Any]) -> bool:
    return str(specification.get("Enabled", "")).lower() == "true"
