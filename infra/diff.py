"""A change set in readable lines: what changes and how, grouped, without what stays."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from infra.precious import PRECIOUS
from infra.resolved import Resources

if TYPE_CHECKING:
    from mypy_boto3_cloudformation.type_defs import ResourceChangeDetailTypeDef, ResourceChangeTypeDef

_SIGNS: Final = {"Add": "+", "Modify": "~", "Remove": "-", "Import": "<", "Dynamic": "?"}
_ORDER: Final = "!-~+<?"
_NAMES_SHOWN: Final = 8
_SHORT: Final = 60  # characters of a value that are worth showing
_SECRET: Final = re.compile("(?i)secret|token|password|credential|key$")
_WORDS: Final = {
    ("AWS::Lambda::Function", "Code"): "new code",
    ("AWS::Lambda::Function", "Layers"): "new layer",
    ("AWS::IAM::Role", "Policies"): "other rights",
    ("AWS::IAM::Role", "AssumeRolePolicyDocument"): "others may take it on",
}
_MISSING: Final = "nothing"
_LATER: Final = "KNOWN_AFTER_APPLY"  # CloudFormation's mark for a value that it cannot tell yet


class _Line(NamedTuple):
    sign: str
    kind: str
    what: str
    name: str


def told(changes: Sequence["ResourceChangeTypeDef"], *, before: Resources, after: Resources) -> list[str]:
    """A line for each kind of change, the risky ones first, then their count. Where CloudFormation gives no values,
    they are looked up in `before` and `after`."""
    lines = list(_lines(_real(changes), before, after))
    groups: dict[tuple[str, str, str, str], list[str]] = {}
    for line in lines:
        alone = line.name if line.sign in "!-" and line.kind in PRECIOUS else ""  # never hidden in a number
        groups.setdefault((line.sign, line.kind, line.what, alone), []).append(line.name)
    ordered = sorted(groups.items(), key=lambda one: (_ORDER.index(one[0][0]), one[0][1:]))
    shown = [_text(sign, kind, what, sorted(names)) for (sign, kind, what, _), names in ordered]
    return [*shown, _summary(lines)] if lines else []


def _real(changes: Sequence["ResourceChangeTypeDef"]) -> list["ResourceChangeTypeDef"]:
    """Without changes that only refer to something that stays as it is: CloudFormation lists them all."""
    moved = {
        change["LogicalResourceId"]
        for change in changes
        if change.get("Action") != "Modify" or change.get("Replacement") == "True"
    }
    kept = []
    for change in changes:
        details = [one for one in change.get("Details", []) if _counts(one, moved)]
        if change.get("Action") != "Modify" or change.get("Replacement") == "True" or details:
            kept.append({**change, "Details": details})
    return kept  # type: ignore[return-value]


def _counts(detail: "ResourceChangeDetailTypeDef", moved: set[str]) -> bool:
    target = detail.get("Target", {})
    if "BeforeValue" in target and target.get("BeforeValue") == target.get("AfterValue"):
        return False
    refers = detail.get("ChangeSource") in ("ResourceReference", "ResourceAttribute")
    return not refers or detail.get("CausingEntity", "").partition(".")[0] in moved


def _lines(changes: Sequence["ResourceChangeTypeDef"], before: Resources, after: Resources) -> Iterator[_Line]:
    for change in changes:
        name, kind, action = change["LogicalResourceId"], change["ResourceType"], change.get("Action", "Modify")
        what = ""
        if action == "Modify":
            properties = [after.get(name, {}), before.get(name, {})]
            what = "; ".join(dict.fromkeys(_details(change, old=properties[1], new=properties[0])))
        replaced = action == "Modify" and change.get("Replacement") in ("True", "Conditional")
        if replaced:
            certain = change["Replacement"] == "True"
            what += f" {'IS' if certain else 'MAY BE'} REPLACED"
        if action == "Remove":
            what = "stays, but in no stack" if change.get("PolicyAction") == "Retain" else "IS DELETED"
        if action == "Import":
            what = "is taken in as it is"
        yield _Line("!" if replaced else _SIGNS.get(action, "?"), kind, what.strip(), name)


def _details(change: "ResourceChangeTypeDef", *, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[str]:
    for detail in change.get("Details", []):
        target = detail.get("Target", {})
        attribute, name = target.get("Attribute", ""), target.get("Name", "")
        if attribute != "Properties":
            yield {"Tags": "tags"}.get(attribute, attribute)
        elif word := _WORDS.get((change["ResourceType"], name)):
            yield word
        elif "BeforeValue" in target or "AfterValue" in target:
            path = target.get("Path", name).removeprefix("/Properties/")
            yield _said(path.replace("/", "."), target.get("BeforeValue"), target.get("AfterValue"))
        else:
            olds, news = old.get("Properties", {}), new.get("Properties", {})
            found = list(_leaves(name, olds.get(name), news.get(name)))
            yield from (_said(*one) for one in found)
            if not found:
                yield name


def _leaves(path: str, old: Any, new: Any) -> Iterator[tuple[str, Any, Any]]:
    """Each single value that differs, by its path."""
    if old == new:
        return
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted({*old, *new}):
            yield from _leaves(f"{path}.{key}", old.get(key), new.get(key))
    else:
        yield path, old, new


def _said(path: str, old: Any, new: Any) -> str:
    texts = [_value(one) for one in (old, new)]
    if _SECRET.search(path.rpartition(".")[2]) or None in texts:
        return path
    return f"{path} {texts[0]} → {texts[1]}"


def _value(value: Any) -> str | None:
    """None for what is too long to compare by eye, or not known yet."""
    if value is None:
        return _MISSING
    text = json.dumps(value, ensure_ascii=False) if isinstance(value, dict | list | bool) else str(value)
    return text if len(text) <= _SHORT and _LATER not in text else None


def _text(sign: str, kind: str, what: str, names: list[str]) -> str:
    shown = ", ".join(names[:_NAMES_SHOWN])
    more = f" and {len(names) - _NAMES_SHOWN} more" if len(names) > _NAMES_SHOWN else ""
    head = f"{sign} {shown}{more} ({kind})" if len(names) == 1 else f"{sign} {len(names)} × {kind}"
    tail = "" if len(names) == 1 else f" ({shown}{more})"
    return f"{head}{tail}: {what}" if what else f"{head}{tail}"


def _summary(lines: Sequence[_Line]) -> str:
    words = {"!": "replaced", "-": "removed", "~": "changed", "+": "new", "<": "taken in", "?": "not known yet"}
    counts = {word: sum(line.sign == sign for line in lines) for sign, word in words.items()}
    return "= " + ", ".join(f"{count} {word}" for word, count in counts.items() if count)
