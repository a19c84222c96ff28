"""docs/reliability.md names every chaos test, and no test that does not exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from infra.paths import ROOT

FAULTS = range(1, 15)
TABLE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8").split("## The faults")[1].split("## ")[0]


def functions_of(folder: Path) -> Iterator[str]:
    """The names of the test functions of a folder."""
    for path in folder.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from (n.name for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def named() -> set[str]:
    """The tests that the table names."""
    return set(re.findall(r"`(test_\w+)`", TABLE))


def test_every_test_that_is_named_exists() -> None:
    assert named() <= set(functions_of(ROOT / "tests"))


def test_every_chaos_test_is_named() -> None:
    assert set(functions_of(ROOT / "tests" / "chaos")) <= named()


def test_every_fault_has_a_proof() -> None:
    numbers = {int(number) for number in re.findall(r"^\| (\d+) \|.*`test_\w+` \|$", TABLE, re.MULTILINE)}
    assert numbers == set(FAULTS)
