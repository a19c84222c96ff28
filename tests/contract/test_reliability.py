"""docs/reliability.md names every chaos test and a test for every promise, and no test that does not exist."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from infra.paths import ROOT

FAULTS = range(1, 15)
PROMISES = {
    "A": 6,
    "B": 5,
    "C": 7,
    "D": 8,
    "E": 7,
    "F": 6,
    "G": 6,
    "H": 2,
    "I": 7,
}  # how many there are under each letter
PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
TABLE = PAGE.split("## The faults")[1].split("\n## ")[0]
DOORS = PAGE.split("## The promises at the doors")[1].split("\n## ")[0]


def cases_of(folder: Path) -> Iterator[ast.FunctionDef]:
    """The test functions in a folder."""
    for path in folder.rglob("test_*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        yield from (n for n in tree.body if isinstance(n, ast.FunctionDef) and n.name.startswith("test_"))


def functions_of(folder: Path) -> Iterator[str]:
    """The names of the test functions of a folder."""
    return (test.name for test in cases_of(folder))


def promises() -> list[tuple[str, set[str]]]:
    """The rows of the promises at the doors: the number, and the tests of that row."""
    rows = re.findall(r"^\| ([A-I]\d+) \|(.*)\|$", DOORS, re.MULTILINE)
    return [(number, set(re.findall(r"`(test_\w+)`", row))) for number, row in rows]


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


def test_every_promise_is_written_down() -> None:
    assert {number for number, _ in promises()} == {
        f"{letter}{n}" for letter, most in PROMISES.items() for n in range(1, most + 1)
    }


def test_every_promise_has_a_test_that_says_so() -> None:
    docstrings: dict[str, str] = {}
    for test in cases_of(ROOT / "tests"):
        docstrings[test.name] = docstrings.get(test.name, "") + (ast.get_docstring(test) or "")

    for number, tests in promises():
        assert tests, f"{number} names no test"
        for name in tests:
            assert re.search(rf"Promises?\b.*\b{number}\b", docstrings[name], re.DOTALL), (
                f"{name} does not name {number}"
            )
