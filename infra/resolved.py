"""A template with its parameters filled in: what CloudFormation would make of it, as far as that is known. References
to resources stay as they are."""

import json
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Final

import cfnlint.decode

_VARIABLE: Final = re.compile(r"\$\{([^!}]+)\}")
_NO_VALUE: Final = object()

Template = Mapping[str, Any]
Resources = Mapping[str, Mapping[str, Any]]


def read_template(text: str | Template) -> Template:
    """A template in YAML, with its short forms, or in JSON."""
    if not isinstance(text, str):
        return text
    with suppress(ValueError):
        known: Template = json.loads(text)
        return known
    decoded, _ = cfnlint.decode.decode_str(text)
    template: Template = json.loads(json.dumps(decoded or {}, default=str))  # without cfn-lint's marks of lines
    return template


def resolve(template: Template, parameters: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """The resources that are made, by logical id; those with a false condition are left out. `parameters` are the given
    values; defaults fill in the rest."""
    resolver = _Resolver(template, parameters)
    return {
        name: resolver.value({key: part for key, part in resource.items() if key != "Condition"})
        for name, resource in template.get("Resources", {}).items()
        if not name.startswith("Fn::") and resolver.holds(resource.get("Condition"))
    }


class _Resolver:
    def __init__(self, template: Template, parameters: Mapping[str, str]) -> None:
        self._mappings = template.get("Mappings", {})
        self._conditions = template.get("Conditions", {})
        declared = template.get("Parameters", {})
        self._given = {name: parameters.get(name, _text(one.get("Default"))) for name, one in declared.items()}
        self._lists = {name for name, one in declared.items() if "List" in str(one.get("Type"))}

    def holds(self, condition: str | None) -> bool:
        return condition is None or bool(self._truth(self._conditions[condition]))

    def value(self, raw: Any) -> Any:
        if isinstance(raw, list):
            return [one for one in map(self.value, raw) if one is not _NO_VALUE]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            [(function, argument)] = raw.items()
            if function in ("Ref", "Condition") or function.startswith("Fn::"):
                return self._called(function, argument)
        found = {name: self.value(one) for name, one in raw.items()}
        return {name: one for name, one in found.items() if one is not _NO_VALUE}

    def _called(self, function: str, argument: Any) -> Any:
        if function == "Ref":
            return self._reference(argument)
        if function == "Fn::If":
            condition, yes, no = argument
            return self.value(yes if self.holds(condition) else no)
        if function == "Fn::Sub":
            return self._substituted(argument)
        argument = self.value(argument)
        plain = {"Fn::Join": _joined, "Fn::Select": _selected, "Fn::Split": _split, "Fn::FindInMap": self._found}
        answer = plain[function](argument) if function in plain else None
        return {function: argument} if answer is None else answer

    def _reference(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _NO_VALUE
        given = self._given.get(name)
        if given is None:
            return {"Ref": name}
        return [part.strip() for part in str(given).split(",")] if name in self._lists else given

    def _substituted(self, argument: Any) -> Any:
        text, extra = argument if isinstance(argument, list) else (argument, {})
        extra = {name: self.value(one) for name, one in extra.items()}
        known = {name: one for name, one in {**self._given, **extra}.items() if isinstance(one, str | int | float)}
        text = _VARIABLE.sub(lambda found: str(known.get(found[1], found[0])), text)
        if not _VARIABLE.search(text):
            return text.replace("${!", "${")
        unknown = {name: one for name, one in extra.items() if f"${{{name}}}" in text}
        return {"Fn::Sub": [text, unknown] if unknown else text}

    def _found(self, path: Any) -> Any:
        found: Any = self._mappings
        for step in path[:3]:
            if not isinstance(step, str) or step not in found:
                return None
            found = found[step]
        return found

    def _truth(self, raw: Any) -> Any:
        if not isinstance(raw, dict):
            return raw
        [(function, argument)] = raw.items()
        if function == "Condition":
            return self.holds(argument)
        if function == "Fn::Not":
            return not self._truth(argument[0])
        if function in ("Fn::And", "Fn::Or"):
            return (all if function == "Fn::And" else any)(self._truth(one) for one in argument)
        if function == "Fn::Equals":
            one, other = (self.value(part) for part in argument)
            return str(one) == str(other)
        raise ValueError(f"a condition of {function} is not known")


def _text(default: Any) -> str | None:
    """As CloudFormation gives it: a parameter is text, whatever YAML made of its default."""
    return None if default is None else str(default).lower() if isinstance(default, bool) else str(default)


def _joined(argument: Any) -> str | None:
    separator, parts = argument
    plain = isinstance(parts, list) and all(isinstance(part, str | int | float) for part in parts)
    return separator.join(map(str, parts)) if plain else None


def _selected(argument: Any) -> Any:
    index, parts = argument
    return parts[int(index)] if isinstance(parts, list) and int(index) < len(parts) else None


def _split(argument: Any) -> list[str] | None:
    separator, text = argument
    return text.split(separator) if isinstance(text, str) else None
