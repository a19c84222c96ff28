"""Contracts between parts of the code: layers, tables, channels, errors."""

import ast
import inspect
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any

import pytest
from pynamodb.models import Model

import chalicelib
from chalicelib import errors
from chalicelib.channels.port import Channel
from chalicelib.manifest import CHANNELS
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import StageTable
from infra.paths import ROOT
from tests.contract.test_infra import template as infra_template
from tests.integration.conftest import ENVIRONMENT
from tests.processes import new_process

template = infra_template  # the fixture


def sources(folder: str) -> Iterator[Path]:
    return (path for path in (ROOT / folder).rglob("*.py") if "__pycache__" not in path.parts)


# ---------------------------------------------------------------- layers


def test_the_layers_are_kept() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    "path", [*sources("chalicelib"), *sources("functions")], ids=lambda p: str(p.relative_to(ROOT))
)
def test_nobody_imports_the_app_and_only_the_settings_read_the_environment(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    environment = [
        node
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == "os"
        and node.attr in ("environ", "getenv", "putenv")
    ]

    assert "app" not in imported
    assert not environment or path.name == "settings.py"


# ---------------------------------------------------------------- tables


def test_only_the_directory_of_users_is_ever_scanned() -> None:
    scanning = {
        str(path.relative_to(ROOT / "chalicelib"))
        for path in sources("chalicelib")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Attribute) and node.attr in ("scan", "rate_limited_scan")
    }

    assert scanning == {"storage/users.py"}


def tables() -> list[type[Model]]:
    """The models of tables, without those of single kinds of rows."""
    for module in walk_packages(chalicelib.__path__, "chalicelib."):
        import_module(module.name)
    return [table for table in StageTable.__subclasses__() if "Meta" in vars(table)]


def declared(template: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The tables of the template, by the last part of their name."""
    found = [one["Properties"] for one in resources(template) if one["Type"] == "AWS::DynamoDB::Table"]
    return {substituted(one["TableName"]).removeprefix("vestnik-${Stage}-"): one for one in found}


def resources(template: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Every resource, the loops written out (AWS::LanguageExtensions)."""
    for name, body in template["Resources"].items():
        if not name.startswith("Fn::ForEach::"):
            yield body
            continue
        variable, values, bodies = body
        for value in values:
            yield from (looked_up(one, variable, value, template["Mappings"]) for one in bodies.values())


def looked_up(node: Any, variable: str, value: str, mappings: dict[str, Any]) -> Any:
    """`node` with every `!FindInMap [map, !Ref variable, key]` replaced by what the map holds."""
    if isinstance(node, dict):
        return {name: looked_up(one, variable, value, mappings) for name, one in node.items()}
    if isinstance(node, list):
        if len(node) == 3 and node[0] in mappings and node[1] == variable:
            return mappings[node[0]][value][node[2]]
        return [looked_up(one, variable, value, mappings) for one in node]
    return node


def substituted(text: Any) -> str:
    """The text of a `!Sub`, with its own variables put in."""
    if isinstance(text, str):
        return text
    pattern, variables = text
    for name, value in variables.items():
        pattern = pattern.replace(f"${{{name}}}", value)
    return str(pattern)


def keys_of(schema: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return sorted((key["AttributeName"], key["KeyType"]) for key in schema)


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.__name__)
def test_a_tables_keys_and_indexes_are_those_of_the_template(table: Any, template: dict[str, Any]) -> None:
    found = declared(template)[table.Meta.thing]
    wanted = table._get_schema()

    assert keys_of(found["KeySchema"]) == keys_of(wanted["key_schema"])
    types = {(one["AttributeName"], one["AttributeType"]) for one in found["AttributeDefinitions"]}
    assert types == {(one["AttributeName"], one["AttributeType"]) for one in wanted["attribute_definitions"]}
    assert indexes(found.get("GlobalSecondaryIndexes", []), "IndexName", "KeySchema", "Projection") == indexes(
        wanted["global_secondary_indexes"], "index_name", "key_schema", "projection"
    )


def indexes(given: list[Any], name: str, schema: str, projection: str) -> dict[str, Any]:
    return {
        one[name]: (
            keys_of(one[schema]),
            one[projection]["ProjectionType"],
            sorted(one[projection].get("NonKeyAttributes", [])),
        )
        for one in given
    }


def test_the_template_has_no_table_that_the_code_does_not_know(template: dict[str, Any]) -> None:
    assert set(declared(template)) == {table.Meta.thing for table in tables()}  # type: ignore[attr-defined]


# ---------------------------------------------------------------- channels


@pytest.mark.parametrize("name", CHANNELS)
def test_every_channel_has_its_file_with_a_class_that_is_one(name: str) -> None:
    module = import_module(f"chalicelib.channels.{name}")
    classes: list[Any] = [one for one in vars(module).values() if inspect.isclass(one)]
    own = [one for one in classes if one.__module__ == module.__name__ and hasattr(one, "send")]

    assert [one.name for one in own] == [name]
    assert {"name", "batch_size", "send"} <= set(dir(Channel))


def test_every_file_of_a_channel_is_registered() -> None:
    files = {path.stem for path in (ROOT / "chalicelib" / "channels").glob("*.py")}

    assert files - {"__init__", "aws_errors", "port", "shared_lines"} == set(CHANNELS)


def test_every_channel_is_wired(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    new_process()
    try:
        assert {name: channel.name for name, channel in Stage.own().channels.items()} == {
            name: name for name in CHANNELS
        }
    finally:
        new_process()


# ---------------------------------------------------------------- errors


def error_classes() -> dict[str, type[Exception]]:
    return {
        name: one
        for name, one in vars(errors).items()
        if inspect.isclass(one) and issubclass(one, errors.VestnikError) and one is not errors.VestnikError
    }


@pytest.mark.parametrize("name", error_classes())
def test_every_error_stands_under_its_parent_in_the_tree_of_the_docstring(name: str) -> None:
    lines = (errors.__doc__ or "").splitlines()
    words = [*error_classes(), "VestnikError"]
    depths = {word: line.index(word) for line in lines for word in words if f" {word} " in f" {line} "}
    parent = error_classes()[name].__mro__[1].__name__
    above = lines[: next(n for n, line in enumerate(lines) if f" {name} " in f"{line} ")]
    nearest = next(
        word for line in reversed(above) for word in words if f" {word} " in f" {line} " and depths[word] < depths[name]
    )

    assert nearest == parent


def test_every_error_is_raised_in_some_test() -> None:
    expected = {
        part.attr if isinstance(part, ast.Attribute) else part.id
        for path in sources("tests")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "raises"
        for argument in node.args[:1]
        for part in ast.walk(argument)
        if isinstance(part, ast.Attribute | ast.Name)
    }

    assert set(error_classes()) <= expected


# ---------------------------------------------------------------- the workflow that runs all this


def test_the_linter_of_imports_knows_every_layer() -> None:
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    named = " ".join(layer for contract in contracts for layer in contract.get("layers", []))
    packages = {path.parent.name for path in (ROOT / "chalicelib").glob("*/__init__.py")}  # `data` is built, no code
    modules = {path.stem for path in (ROOT / "chalicelib").glob("*.py")} - {"__init__"}

    assert {one for one in packages | modules if f"chalicelib.{one}" not in named} == set()


# ---------------------------------------------------------------- the tests themselves


@pytest.mark.parametrize("path", list(sources("tests")), ids=lambda p: str(p.relative_to(ROOT)))
def test_tests_compose_and_neither_reach_into_parts_of_parts_nor_clear_caches(path: Path) -> None:
    nodes = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Attribute)]
    private = [node for node in nodes if node.attr.startswith("_") and not node.attr.startswith("__")]
    assert [ast.unparse(node) for node in private if node.value in private] == []
    if path != ROOT / "tests" / "processes.py":
        assert [ast.unparse(node) for node in nodes if node.attr == "cache_clear"] == []
