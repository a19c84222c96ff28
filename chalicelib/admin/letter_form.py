"""A letter's documents as the fields of a form, and back. The order of the fields is the order of the blocks: each list
is a repeated field of the numbers of its blocks, `doc.en.blocks`, and a block's own fields are named by its number,
`doc.en.7.text`, so that blocks can be moved, left out and added and no other gets a new name."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta, timezone
from itertools import count
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from chalicelib.admin.block_fields import COLUMNS, EVENT, FIELDS, FILM, FILMS, SHOW_IF, Ask, FieldKind

Form = Mapping[str, Sequence[str]]
VERSION = 1
_OF_LANGUAGE = re.compile(r"doc\.([A-Za-z0-9-]+)\..+")
_NUMBER = re.compile(r"[0-9]{1,6}")
_OFFSET = re.compile(r"([+-])([01][0-9]|2[0-3]):([0-5][0-9])")
_KIND_IN_PATH = re.compile(rf"(?<=\])\.(?:{'|'.join(FIELDS)})(?=[.\[]|$)")


class LetterForm(NamedTuple):
    """`places`: the field, block or list of the form by its path in the documents."""

    documents: Mapping[str, Mapping[str, Any]]
    places: Mapping[str, str]

    def place_of(self, path: str) -> str | None:
        """Where in the form a mistake is that is told by its path, such as `documents.en.blocks[3].alt`; None: not in
        the documents."""
        if path in self.places:
            return self.places[path]
        path = _KIND_IN_PATH.sub("", path)
        while path and path not in self.places:
            path = path[: max(path.rfind("."), path.rfind("["), 0)]
        return self.places.get(path)


def languages_of(form: Form) -> list[str]:
    """The languages of the letter in the form, in their order."""
    return list(dict.fromkeys(found[1] for name in form if (found := _OF_LANGUAGE.fullmatch(name))))


def items(form: Form, listed: str) -> list[str]:
    """The numbers of what a list holds, in order."""
    return [one for one in dict.fromkeys(form.get(listed, ())) if _NUMBER.fullmatch(one)]


def form_of(documents: Mapping[str, Mapping[str, Any]], *, zone: str) -> dict[str, list[str]]:
    """The fields; moments are shown in `zone` where its clock said so then."""
    form: dict[str, list[str]] = {}
    for locale, document in documents.items():
        _Writer(form, f"doc.{locale}", zone).document(document)
    return form


def read_letter(form: Form) -> LetterForm:
    """The documents as they were typed: nothing is checked, and what is empty and not needed is left out."""
    reader = _Reader(form)
    return LetterForm({one: reader.document(one) for one in languages_of(form)}, reader.places)


class _Writer:
    def __init__(self, form: dict[str, list[str]], prefix: str, zone: str) -> None:
        self._form, self._prefix, self._zone = form, prefix, zone
        self._numbers = count(1)

    def document(self, document: Mapping[str, Any]) -> None:
        for name in ("subject", "preheader"):
            self._form[f"{self._prefix}.{name}"] = [str(document.get(name) or "")]
        self._list("blocks", document.get("blocks") or ())

    def _list(self, name: str, blocks: Sequence[Mapping[str, Any]]) -> None:
        self._form[f"{self._prefix}.{name}"] = [self._block(block) for block in blocks]

    def _block(self, block: Mapping[str, Any]) -> str:
        number, kind = str(next(self._numbers)), str(block.get("kind"))
        told = dict(block)
        if kind == FILM:
            told |= block.get("film") or {}
        elif kind == FILMS:
            self._list(f"{number}.{FILMS}", [{"kind": FILM, "film": one} for one in block.get("films") or ()])
        elif kind == "columns":
            columns = list(block.get("columns") or ())
            told["count"] = max(2, len(columns))
            for name, held in zip(COLUMNS, [*columns, [], [], []], strict=False):
                self._list(f"{number}.{name}", held)
        elif kind == EVENT:
            told |= _local(block, zone=self._zone)
        self._form[f"{self._prefix}.{number}.kind"] = [kind]
        for ask in (*FIELDS.get(kind, ()), SHOW_IF):
            value = told.get(ask.name)
            text = ask.options[0] if value is None and ask.options else "" if value is None else str(value)
            self._form[f"{self._prefix}.{number}.{ask.name}"] = [text]
        return number


class _Reader:
    def __init__(self, form: Form) -> None:
        self._form = form
        self.places: dict[str, str] = {}

    def document(self, locale: str) -> dict[str, Any]:
        path, prefix = f"documents.{locale}", f"doc.{locale}"
        self.places[path] = prefix
        told: dict[str, Any] = {"version": VERSION}
        for name in ("subject", "preheader"):
            self.places[f"{path}.{name}"] = f"{prefix}.{name}"
            told[name] = self._typed(f"{prefix}.{name}")
        return {**told, "blocks": self._list(prefix, "blocks", f"{path}.blocks")}

    def _list(self, prefix: str, name: str, path: str, *, start: int = 0) -> list[dict[str, Any]]:
        self.places.setdefault(path, f"{prefix}.{name}")
        numbers = items(self._form, f"{prefix}.{name}")
        return [self._block(prefix, number, f"{path}[{n}]") for n, number in enumerate(numbers, start)]

    def _block(self, prefix: str, number: str, path: str, *, nested: bool = False) -> dict[str, Any]:
        at = f"{prefix}.{number}"
        kind = self._typed(f"{at}.kind")
        self.places[path] = at
        asks = (*FIELDS.get(kind, ()), SHOW_IF)
        told = {ask.name: value for ask in asks if (value := self._value(at, ask)) is not None}
        self.places |= {f"{path}.{ask.name}": f"{at}.{ask.name}" for ask in asks}
        if nested or kind not in (FILM, FILMS, "columns", EVENT):
            return {"kind": kind, **told}
        return {"kind": kind, **self._composed(kind, told, prefix, number, path)}

    def _composed(self, kind: str, told: dict[str, Any], prefix: str, number: str, path: str) -> dict[str, Any]:
        shown = {name: told.pop(name) for name in ("show_if",) if name in told}
        if kind == FILM:
            self.places |= {f"{path}.film.{ask.name}": f"{prefix}.{number}.{ask.name}" for ask in FIELDS[FILM]}
            return {"film": told, **shown}
        if kind == EVENT:
            zone = told.pop("zone", "")
            return {**{name: _moment(name, value, zone) for name, value in told.items()}, **shown}
        if kind == FILMS:
            if told.get("from"):
                return {**told, **shown}
            return {**told, "films": list(self._films(prefix, f"{number}.{FILMS}", f"{path}.films")), **shown}
        return {"columns": self._columns(prefix, number, f"{path}.columns", count=told.get("count")), **shown}

    def _films(self, prefix: str, name: str, path: str) -> Iterator[dict[str, Any]]:
        self.places[path] = f"{prefix}.{name}"
        for n, number in enumerate(items(self._form, f"{prefix}.{name}")):
            row = self._block(prefix, number, f"{path}[{n}]", nested=True)
            yield {ask.name: row[ask.name] for ask in FIELDS[FILM] if ask.name in row}

    def _columns(self, prefix: str, number: str, path: str, *, count: object) -> list[list[dict[str, Any]]]:
        """Of three columns that are to be two, the third's blocks follow the second's."""
        self.places[path] = f"{prefix}.{number}"
        columns: list[list[dict[str, Any]]] = []
        for name in COLUMNS:
            at = min(len(columns), 2 if count == 3 else 1)
            held = columns[at] if at < len(columns) else []
            listed = f"{prefix}.{number}.{name}"
            self.places.setdefault(f"{path}[{at}]", listed)
            for one in items(self._form, listed):
                held.append(self._block(prefix, one, f"{path}[{at}][{len(held)}]", nested=True))
            if at == len(columns):
                columns.append(held)
        return columns

    def _value(self, at: str, ask: Ask) -> Any:
        text = self._typed(f"{at}.{ask.name}", cut=ask.how is not FieldKind.CODE)
        if ask.how is FieldKind.NUMBER or (ask.how is FieldKind.CHOICE and ask.options[0].isdecimal()):
            return int(text) if _NUMBER.fullmatch(text) else text or None
        return text if text or ask.needed else None

    def _typed(self, name: str, *, cut: bool = True) -> str:
        text = next(iter(self._form.get(name, ())), "")
        return text.strip() if cut else text


def _moment(name: str, value: Any, zone: str) -> Any:
    """A local time with its zone's offset; what is none stays as it was typed, for the model to refuse."""
    if not name.endswith("_at") or not value:
        return value
    try:
        local = datetime.fromisoformat(value)
        return (local if local.tzinfo else local.replace(tzinfo=_zone(zone))).isoformat()
    except (ValueError, KeyError, OSError, OverflowError):
        return f"{value} {zone}".strip()


def _zone(name: str) -> timezone | ZoneInfo:
    if found := _OFFSET.fullmatch(name):
        minutes = int(found[2]) * 60 + int(found[3])
        return timezone(timedelta(minutes=-minutes if found[1] == "-" else minutes))
    return ZoneInfo(name)


def _local(block: Mapping[str, Any], *, zone: str) -> dict[str, str]:
    """The moments of an event on its clock, and the name of that clock."""
    try:
        starts = datetime.fromisoformat(str(block.get("starts_at")))
        clock = starts.tzinfo or _zone(zone)
        is_here = starts.tzinfo is None or starts.astimezone(_zone(zone)).utcoffset() == starts.utcoffset()
        shown = {"starts_at": starts}
        if block.get("ends_at"):
            shown["ends_at"] = datetime.fromisoformat(str(block["ends_at"])).astimezone(clock)
    except (ValueError, KeyError, OSError, OverflowError):
        return {"zone": zone}
    texts = {name: one.replace(tzinfo=None).isoformat().removesuffix(":00") for name, one in shown.items()}
    return {**texts, "zone": zone if is_here else starts.isoformat()[-6:]}
