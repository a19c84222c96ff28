"""What is said of a field names the field, in words: no pattern, and no part of a type."""

import importlib
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

import chalicelib
from chalicelib.schemas import StrictModel
from chalicelib.settings import Settings
from chalicelib.text import EXPECTED
from chalicelib.validation import mistakes_in


def _models(base: type[BaseModel] = StrictModel) -> Iterator[type[BaseModel]]:
    for one in base.__subclasses__():
        if one.__module__.startswith("chalicelib."):
            yield one
        yield from _models(one)


def _patterns(schema: object) -> Iterator[str]:
    if isinstance(schema, dict):
        found = schema.get("pattern")
        yield from [found] if isinstance(found, str) else []
    for inner in schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ():
        yield from _patterns(inner)


@pytest.fixture(scope="module")
def models() -> list[type[BaseModel]]:
    for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        importlib.import_module(module.name)
    return sorted(set(_models()) - {Settings}, key=lambda one: (one.__module__, one.__qualname__))


def test_every_pattern_of_a_field_is_said_in_words(models: list[type[BaseModel]]) -> None:
    used = {(one.__name__, pattern) for one in models for pattern in _patterns(one.model_json_schema())}
    assert len(used) > 20
    assert {(name, pattern) for name, pattern in used if pattern not in EXPECTED} == set()


def test_a_field_of_several_kinds_is_named_by_its_own_name(models: list[type[BaseModel]]) -> None:
    """pydantic tries each kind, and would name `on.literal['monday',…]`."""
    wrong = []
    for model in models:
        for name, field in model.model_fields.items():
            alias, odd = field.alias or name, {field.alias or name: object()}
            wrong += [
                f"{model.__name__}.{at}" for at in _named(model, odd) if at.startswith((f"{alias}.", f"{alias}["))
            ]
    assert wrong == []


def _named(model: type[BaseModel], given: dict[str, Any]) -> list[str]:
    try:
        model.model_validate(given)
    except ValidationError as error:
        return [one.field for one in mistakes_in(error)]
    return []
