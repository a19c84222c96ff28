"""What a release must not do in one step: what CloudFormation would refuse half-way and roll back, and what it would do
at the cost of data or of an address. Compares the template deployed last with the new one, before anything starts (ADR
0082)."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any, Final

from cfnlint.schema import ResourceNotFoundError
from cfnlint.schema.manager import PROVIDER_SCHEMA_MANAGER

from infra.guard_limits import impossible
from infra.guard_tables import table_refusals
from infra.precious import HOLDS_DATA, IS_KNOWN, IS_NAMED, PRECIOUS
from infra.refusals import Refusal
from infra.resolved import Resources

_REGION: Final = "us-east-1"  # whose schemas are read: ours differ in no region
_NAMED_BY: Final = {  # whose identity is what AWS answers, an address, and yet one name cannot be there twice
    "AWS::SQS::Queue": ("QueueName",),
    "AWS::SNS::Topic": ("TopicName",),
    "AWS::Lambda::Alias": ("FunctionName", "Name"),
}
_REPLACEMENT: Final = (
    'AWS, "Update behaviors of stack resources": the new one is made first, then the old one is deleted or, with '
    "UpdateReplacePolicy: Retain, left outside of the stack"
)
_CUSTOM_NAME: Final = (
    'AWS, "Name type": "You can\'t perform updates that require replacement of this resource" while its name stays'
)
_KEPT_APART: Final = (
    "release 1: add the new one under another logical id and another name, write to both, move the data",
    "release 2: when nothing reads or writes the old one, remove it, with ALLOW={name}",
)


def refusals(before: Resources, after: Resources, *, allowed: Collection[str]) -> list[Refusal]:
    """Why a change from `before` to `after` (resolved) must not start; empty if it may. `allowed` are logical ids whose
    loss a person has agreed to; what CloudFormation would refuse anyway stays refused."""
    found = [*impossible(after), *_moved_ids(before, after)]
    known = {one.resource for one in found}
    for name, old in before.items():
        new = after.get(name)
        if name in known:
            continue
        if new is None:
            found.extend(_removed(name, old))
        elif old["Type"] != new["Type"]:
            found.append(_other_type(name, old["Type"], new["Type"]))
        else:
            found.extend(_replaced(name, old, new))
            if old["Type"] == "AWS::DynamoDB::Table":
                found.extend(table_refusals(name, old.get("Properties", {}), new.get("Properties", {})))
    return [one for one in found if not (one.may_be_allowed and one.resource in allowed)]


def words_of(refused: Sequence[Refusal]) -> Iterator[str]:
    """Each refusal with its reason and the way around it."""
    for one in refused:
        yield f"  {one.resource} ({one.kind}): {one.wrong}"
        yield f"    the rule: {one.rule}"
        for step in one.steps:
            yield f"    {step.format(name=one.resource)}"
        if one.may_be_allowed:
            yield f"    meant so, or nothing is in it (an empty stage): ALLOW={one.resource}"


def _removed(name: str, old: Any) -> Iterator[Refusal]:
    kind = old["Type"]
    if kind not in PRECIOUS:
        return
    retained = str(old.get("DeletionPolicy", "Delete")).startswith("Retain")
    lost = "it stays, outside of any stack: no release and no alarm knows of it" if retained else "it is deleted"
    yield Refusal(
        name,
        kind,
        f"is no longer in the template: {lost}"
        + ("" if retained else f"; {IS_KNOWN.get(kind, 'what is in it is lost')}"),
        'AWS, "DeletionPolicy attribute": what a template no longer has is deleted, or left outside with Retain',
        (
            "release 1: keep it, and let nothing write to it any more; let what is in it be used up",
            "release 2: remove it, with ALLOW={name}",
        ),
        may_be_allowed=True,
    )


def _other_type(name: str, old: str, new: str) -> Refusal:
    return Refusal(
        name,
        new,
        f"was an {old}",
        'CloudFormation: "Update of resource type is not permitted"',
        ("give the new one another logical id, and another name if it has one",),
    )


def _replaced(name: str, old: Any, new: Any) -> Iterator[Refusal]:
    kind = old["Type"]
    changed = made_anew_by(kind, old.get("Properties", {}), new.get("Properties", {}))
    if not changed:
        return
    wrong = f"{', '.join(changed)} would change, for which it is replaced"
    named = name_of(kind, old)
    if named and named == name_of(kind, new):
        wrong += f", and the name {', '.join(map(str, named))} is taken: the release fails and is rolled back"
        yield Refusal(name, kind, wrong, _CUSTOM_NAME, _KEPT_APART)
    elif kind in HOLDS_DATA:
        yield Refusal(name, kind, f"{wrong}, empty", _REPLACEMENT, _KEPT_APART, may_be_allowed=True)
    elif lost := IS_KNOWN.get(kind) or IS_NAMED.get(kind):
        yield Refusal(name, kind, f"{wrong}: {lost}", _REPLACEMENT, _KEPT_APART, may_be_allowed=True)


def _moved_ids(before: Resources, after: Resources) -> Iterator[Refusal]:
    """Renamed logical ids: the same thing is removed and added in one release."""
    gone = {
        (old["Type"], named): name
        for name, old in before.items()
        if name not in after and (named := name_of(old["Type"], old))
    }
    for name, new in after.items():
        former = gone.get((new["Type"], name_of(new["Type"], new) or ()))
        if name not in before and former:
            yield Refusal(
                former,
                new["Type"],
                f"is called {name} now, and has the same name in AWS: that is taken, so the release fails",
                'AWS, "Update behaviors of stack resources": what is new is made before what is gone is deleted',
                (f"keep the logical id {former}: it is known inside the template alone",),
            )


def made_anew_by(kind: str, old: Any, new: Any) -> list[str]:
    """The changed properties that CloudFormation cannot change in place, by the provider's own schema."""
    schema = _schema(kind)
    paths = [*(schema.get("createOnlyProperties") or []), *(schema.get("conditionalCreateOnlyProperties") or [])]
    steps = [path.removeprefix("/properties/").split("/") for path in paths]
    return [".".join(one) for one in steps if _at(old, one) != _at(new, one)]


def name_of(kind: str, resource: Any) -> tuple[Any, ...]:
    """The resource's name in AWS by the template; empty if AWS chooses."""
    schema = _schema(kind)
    identity = [path.removeprefix("/properties/") for path in schema.get("primaryIdentifier") or []]
    fixed = [path.removeprefix("/properties/") for path in schema.get("createOnlyProperties") or []]
    own = _NAMED_BY.get(kind) or (identity if set(identity) <= set(fixed) else ())  # a part of it is no name
    given = resource.get("Properties", {})
    return tuple(str(given[one]) for one in own) if own and all(one in given for one in own) else ()


def _schema(kind: str) -> dict[str, Any]:
    try:
        schema: dict[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, kind).schema
    except ResourceNotFoundError:  # a type of somebody's own (Custom::…)
        return {}
    return schema


def _at(value: Any, steps: Sequence[str]) -> Any:
    for place, step in enumerate(steps):
        if step == "*" and isinstance(value, list):
            return [_at(one, steps[place + 1 :]) for one in value]
        if not isinstance(value, dict):
            return None
        value = value.get(step)
    return value
