"""What is deployed stays small, and a worker imports what it uses: counts, for CI. `bench/` measures the times."""

import ast
import json
import subprocess
import sys

import pytest

from bench.cold_start import PROGRAMS, STARTED
from bench.packages import MOST_LAYER_BYTES, MOST_ZIP_BYTES
from infra.package import workers_zip
from infra.paths import ROOT
from infra.runtimes import DEFAULT
from layers.build import build_layer, shares

# Modules of each, at most. Bare boto3 with three clients imports about 390; pydantic, Powertools, PynamoDB 110.
MOST_MODULES = {
    "api": 615,
    "deliver": 622,
    "enrich": 565,
    "fanout": 567,
    "feedback": 524,
    "live": 496,
    "load": 516,
    "managers_page": 871,
    "public_pages": 574,
    "retry": 508,
    "tick": 609,
    "websocket": 522,
}
_PYTHON = 4 * (sys.version_info >= (3, 13))  # so many more than 3.11, at most
# The models that a cold start builds: each costs up to 2 ms, and a stage's settings are read at once.
BUILT = ["chalicelib.settings.Settings"]
_TELL = """
import json, sys
from pydantic import BaseModel
from pydantic._internal._mock_val_ser import MockValSer
def models(kind):
    for one in kind.__subclasses__():
        yield one
        yield from models(one)
built = {
    f"{one.__module__}.{one.__qualname__}"
    for one in models(BaseModel)
    if not isinstance(vars(one).get("__pydantic_validator__", MockValSer), (type, MockValSer))
}
print(json.dumps([sorted(sys.modules), sorted(built)]))
"""
# What only some may import: each costs a cold start.
ONLY = {
    "boto3": set[str](),
    "requests": set[str](),
    "jinja2": {"deliver", "managers_page", "public_pages"},
    "chalicelib.pipeline.deliver": {"deliver"},
    "chalicelib.pipeline.enrich": {"enrich"},
    "chalicelib.pipeline.feedback": {"feedback"},
    "chalicelib.campaigns.fanout": {"fanout", "load"},
    "chalicelib.campaigns.export_writer": {"managers_page"},
    "chalicelib.live.chat_room": set[str](),
    "chalicelib.live.frames": {"api", "managers_page", "websocket"},
    "chalicelib.api": {"api", "managers_page", "websocket"},
    "chalicelib.api.busy_routes": {"api", "managers_page"},
    "chalicelib.api.routes": set[str](),
    "chalicelib.admin": {"managers_page"},
    "chalicelib.public": {"public_pages"},
}


def started(function: str) -> tuple[set[str], list[str]]:
    """The modules of a process with its first clients, and the pydantic models that are built in it."""
    answer = subprocess.run(
        [sys.executable, "-c", PROGRAMS[function] + _TELL],
        env=dict(STARTED),
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    modules, built = json.loads(answer.stdout.splitlines()[-1])
    return set(modules), built


@pytest.mark.parametrize("function", sorted(PROGRAMS))
def test_a_function_imports_and_builds_what_it_uses_and_no_more(function: str) -> None:
    modules, built = started(function)
    assert {name for name, users in ONLY.items() if name in modules and function not in users} == set()
    assert len(modules) <= MOST_MODULES[function] + _PYTHON
    assert built == BUILT


def test_values_are_named_tuples() -> None:
    """A frozen dataclass takes up to a millisecond of a cold start, a named tuple a sixth of it (ADR 0037)."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((ROOT / "chalicelib").rglob("*.py"))}
    frozen = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, tree in trees.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.ClassDef) and any("frozen=True" in ast.unparse(one) for one in node.decorator_list)
    ]

    assert frozen == []


def test_the_packages_stay_small() -> None:
    assert workers_zip(DEFAULT).path.stat().st_size <= MOST_ZIP_BYTES
    assert shares(build_layer()).total() <= MOST_LAYER_BYTES
