"""What may not change between two releases that run side by side, and what to do where it has to."""

from collections.abc import Iterator, Mapping
from typing import Any

SOON = "release the reader first and the writer with the release after it"
_ADDED = "has no default: what the last release wrote is without it. Give it one that means what was meant so far"
_GONE = f"is gone or has another name: the last release wrote it. Keep reading it; {SOON}"
_OTHER = (
    f"is another than it was, so that one of the releases cannot read what the other wrote. Add a new field; {SOON}"
)
_DEFAULT = "has another default: defaults are not written, so that the releases read the same job differently"
_WORD = f"is a word that the last release does not know and cannot read: {SOON}"
_LOST_WORD = "is gone, and what the last release wrote may hold it. Keep reading it for a release"
_VERSION = f"has changed: the last release puts such jobs aside until this one is back. To be decided, and {SOON}"


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, str]:
    """By its place, what of the last release's shapes does not hold any more, and what to do about it."""
    return {
        **dict(_of_models(before["models"], after["models"])),
        **dict(_of_tables(before["tables"], after["tables"])),
        **dict(_of_words(before["words"], after["words"])),
    }


def _of_models(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for model, was in before.items():
        if model not in after:
            yield model, _GONE
        elif "properties" not in was:
            if was != after[model]:
                yield model, _OTHER
        else:
            yield from _of_fields(model, was, after[model])


def _of_fields(model: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    was, now = before["properties"], after.get("properties", {})
    for name in sorted({*was, *now}):
        place = f"{model}.{name}"
        required = name in after.get("required", ())
        if name not in was:
            if required:
                yield place, _ADDED
        elif name not in now:
            yield place, _GONE
        elif name == "v" and was[name] != now[name]:
            yield place, _VERSION
        elif required and name not in before.get("required", ()):
            yield place, _ADDED
        elif was[name].get("default") != now[name].get("default"):
            yield place, _DEFAULT
        elif was[name] != now[name]:
            yield place, _OTHER


def _of_tables(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for row, was in before.items():
        if row not in after:
            yield row, _GONE
            continue
        now = after[row]
        for name in sorted({*was, *now}):
            if name not in now:
                yield f"{row}.{name}", _GONE
            elif not now[name]["optional"] and (name not in was or was[name]["optional"]):
                yield f"{row}.{name}", _ADDED
            elif name in was and was[name]["type"] != now[name]["type"]:
                yield f"{row}.{name}", _OTHER


def _of_words(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for kind, was in before.items():
        for word in sorted({*was} ^ {*after[kind]}):
            yield f"{kind}: {word}", _LOST_WORD if word in was else _WORD
