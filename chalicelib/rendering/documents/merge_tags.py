"""Merge tags: what stands for a reader's own words in a text of a document.

    {{ user.name | "friend of cinema" }}          the name, or a fallback where there is none
    {{ user.name ", here" | "Here" }} it is       with words that belong to the name
    {{ "until " ends_at | day }}                  a date in the reader's language

Whatever else stands between `{{` and `}}` is refused: braces are never sent by mistake.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple

from chalicelib.errors import Phrase
from chalicelib.rendering.model import Template, Variable, VariableType

Kind = Literal["text", "number", "date", "url", "list", "object", "flag"]
FORMATS: Mapping[str, frozenset[Kind]] = {
    "date": frozenset({"date"}),
    "time": frozenset({"date"}),
    "number": frozenset({"number"}),
}
_KIND_OF: Mapping[VariableType, Kind] = {
    VariableType.STRING: "text",
    VariableType.INTEGER: "number",
    VariableType.NUMBER: "number",
    VariableType.BOOLEAN: "flag",
    VariableType.URL: "url",
    VariableType.DATE: "date",
    VariableType.LIST: "list",
    VariableType.OBJECT: "object",
}
_PRINTED = frozenset({"text", "number", "date", "url"})
_ATTRIBUTE = "user.attributes."

_TAG = re.compile(r"\{\{(?P<inside>.*?)\}\}", re.DOTALL)
# Phones write the quotes of their language.
_STRING = r"""(?:"[^"]*"|'[^']*'|“[^”]*”|„[^“”]*[“”]|«[^»]*»)"""
_NAME = r"[a-z][a-z0-9_]*(?:\.[A-Za-z0-9_-]+)*"
_VALUE = re.compile(rf"\s*(?P<before>{_STRING})?\s*(?P<path>{_NAME})\s*(?P<after>{_STRING})?\s*")
_OR = re.compile(rf"\s*(?P<path>{_NAME})\s+or\s+(?P<fallback>{_STRING})\s*")
_DEFAULT = re.compile(rf"default\s*(?:\(\s*(?P<called>{_STRING})\s*(?:,\s*true\s*)?\)|:\s*(?P<told>{_STRING}))")
_PARTS = re.compile(rf"(?:{_STRING}|[^|])+")


class MergeTagChoice(NamedTuple):
    """A merge tag that a letter may use. `fallback_needed`: some readers have no such value."""

    path: str
    kind: Kind
    example: str
    fallback_needed: bool
    description: str = ""


class MergeTag(NamedTuple):
    """One in a text. `fallback`: what stands there instead of an absent value with what belongs to it."""

    path: str
    kind: Kind
    before: str = ""
    after: str = ""
    format: str | None = None
    fallback: str | None = None

    def expression(self, *, encode: bool = False) -> str:
        """In Jinja; `encode`: as a part of an address."""
        value = f"{self.path}|{self.format}" if self.format else self.path
        value = f"{value}|urlencode" if encode else value
        pieces = [*([json_text(self.before)] if self.before else []), value]
        pieces += [json_text(self.after)] if self.after else []
        whole = " ~ ".join(pieces)
        if self.fallback is None:
            return whole if len(pieces) == 1 else f"({whole})"
        return f"({whole} if {is_there(self.path)} else {json_text(self.fallback)})"


Piece = str | MergeTag


def is_there(path: str) -> str:
    """A Jinja condition: the value is neither absent nor empty. A variable itself is always defined (`Renderer.names`),
    its fields may not be."""
    names = path.split(".")
    fields = [".".join(names[:n]) for n in range(2, len(names) + 1)]
    return " and ".join([*(f"{one} is defined" for one in fields), f'{path} not in (none, "")'])


def json_text(text: str) -> str:
    """A Jinja string literal."""
    return json.dumps(text, ensure_ascii=False)


class MergeTags:
    """Those that a template's letters may use."""

    def __init__(self, template: Template) -> None:
        self.choices = {one.path: one for one in tags_for(template)}

    def pieces(self, text: str) -> list[Piece]:
        """The text as literals and tags. Raises: ValueError with a Phrase (permanent)."""
        found: list[Piece] = []
        end = 0
        for tag in _TAG.finditer(text):
            found += [*self._literal(text[end : tag.start()]), self._read(tag[0], tag["inside"])]
            end = tag.end()
        return found + self._literal(text[end:])

    def require(self, path: str) -> MergeTagChoice:
        """The choice of a path. Raises: ValueError with a Phrase (permanent)."""
        if path in self.choices:
            return self.choices[path]
        if path.startswith(_ATTRIBUTE) and path.count(".") == _ATTRIBUTE.count("."):
            return MergeTagChoice(path, "text", "", fallback_needed=True)
        known = ", ".join(one.path for one in self.choices.values() if one.kind in _PRINTED)
        raise ValueError(Phrase("there is no merge tag `{path}`; there are: {known}", path=path, known=known))

    @staticmethod
    def _literal(text: str) -> list[Piece]:
        if "{{" in text:
            raise ValueError(Phrase("a merge tag is not closed: expected {end} after {start}", start="{{", end="}}"))
        return [text] if text else []

    def _read(self, whole: str, inside: str) -> MergeTag:
        parts = [part.strip() for part in _PARTS.findall(inside)]
        first = parts[0] if parts else ""
        value, fallback = _VALUE.fullmatch(first), None
        if (alternative := _OR.fullmatch(first)) is not None:
            tag, fallback = MergeTag(alternative["path"], "text"), _unquoted(alternative["fallback"])
        elif value is not None:
            tag = MergeTag(value["path"], "text", _unquoted(value["before"]), _unquoted(value["after"]))
        else:
            raise _unreadable(whole)
        for part in parts[1:]:
            if part in FORMATS and tag.format is None:
                tag = tag._replace(format=part)
            elif fallback is None and '"' not in (bare := _fallback(part)):
                fallback = bare
            else:
                raise _unreadable(whole)
        return self._checked(tag._replace(fallback=fallback))

    def _checked(self, tag: MergeTag) -> MergeTag:
        choice = self.require(tag.path)
        if choice.kind not in _PRINTED:
            raise ValueError(
                Phrase("`{path}` is a {kind}, which no merge tag can print", path=tag.path, kind=choice.kind)
            )
        if tag.format and choice.kind not in FORMATS[tag.format]:
            raise ValueError(Phrase("`{path}` cannot be written as a {form}", path=tag.path, form=tag.format))
        if choice.fallback_needed and tag.fallback is None:
            example = f'{{{{ {tag.path} | "…" }}}}'
            raise ValueError(
                Phrase("`{path}` may be empty: expected a fallback, as in {example}", path=tag.path, example=example)
            )
        return tag._replace(kind=choice.kind)


def _fallback(part: str) -> str:
    if (found := _DEFAULT.fullmatch(part)) is not None:
        return _unquoted(found["called"] or found["told"])
    return _unquoted(part) if re.fullmatch(_STRING, part) else part


def _unquoted(text: str | None) -> str:
    return text[1:-1] if text else ""


def _unreadable(whole: str) -> ValueError:
    example = '{{ user.name | "friend" }}'
    return ValueError(Phrase("expected a merge tag such as {example}, not {tag}", example=example, tag=whole[:80]))


def tags_for(template: Template) -> list[MergeTagChoice]:
    """What its letters may use, with an example of each."""
    sample = template.sample
    user = {"name": "Anna", "email": "anna@example.com", **sample.user}
    found = [
        MergeTagChoice("user.name", "text", str(user["name"]), fallback_needed=True),
        MergeTagChoice("user.email", "text", str(user["email"]), fallback_needed=True),
    ]
    attributes = user.get("attributes")
    for name, example in attributes.items() if isinstance(attributes, Mapping) else ():
        found.append(MergeTagChoice(f"{_ATTRIBUTE}{name}", "text", str(example), fallback_needed=True))
    found += [
        MergeTagChoice("site.name", "text", "", fallback_needed=False),
        MergeTagChoice("site.url", "url", "", fallback_needed=False),
    ]
    found += [
        MergeTagChoice(f"links.{name}", "url", "", fallback_needed=True)
        for name in ("preferences", "unsubscribe", "view")
    ]
    for name, example in sample.service.items():
        kind: Kind = "url" if name.endswith("_url") else "date" if name.endswith("_at") else "text"
        found.append(MergeTagChoice(f"service.{name}", kind, str(example), fallback_needed=False))
    return [*found, *_declared("", template.variables or {}, sample.context, optional=False)]


def _declared(
    above: str, variables: Mapping[str, Variable], sample: Any, *, optional: bool
) -> Iterator[MergeTagChoice]:
    for name, variable in variables.items():
        path, kind = f"{above}{name}", _KIND_OF[variable.type]
        example = sample.get(name, variable.example) if isinstance(sample, Mapping) else variable.example
        absent = optional or not variable.required
        shown = str(example) if kind in _PRINTED and example is not None else ""
        yield MergeTagChoice(path, kind, shown, absent, variable.description)
        if kind == "object" and variable.fields:
            yield from _declared(f"{path}.", variable.fields, example, optional=absent)
