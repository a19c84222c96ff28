"""What DynamoDB is, only `chalicelib/storage/` knows; import-linter holds the modules, this the words."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
KINDS = {"S", "N", "B", "BOOL", "NULL", "SS", "NS", "L", "M"}  # of values as DynamoDB writes them
CONDITIONS = {"reaching_dynamodb", "PynamoDBException", "TransactWriteError"}
COMPOSITION = {"chalicelib/stage/workers.py"}  # which may be given a connection


def told(source: str) -> Iterator[int]:
    """The lines that import PynamoDB, name its failures or read and write its JSON."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case ast.ImportFrom(module=str(module)) if module.partition(".")[0] == "pynamodb":
                yield node.lineno
            case ast.Import(names=names) if any(one.name.partition(".")[0] == "pynamodb" for one in names):
                yield node.lineno
            case ast.Name(id=name) if name in CONDITIONS:
                yield node.lineno
            case ast.Subscript(slice=ast.Constant(value=kind)) if kind in KINDS:
                yield node.lineno
            case ast.Dict(keys=[ast.Constant(value=kind)]) if kind in KINDS:
                yield node.lineno


def test_no_module_outside_storage_speaks_the_language_of_dynamodb() -> None:
    places = [*(ROOT / "chalicelib").rglob("*.py"), *(ROOT / "functions").rglob("*.py")]
    found = {
        path.relative_to(ROOT).as_posix(): lines
        for path in places
        if (ROOT / "chalicelib" / "storage") not in path.parents
        and (lines := sorted(set(told(path.read_text(encoding="utf-8")))))
    }
    assert found.keys() <= COMPOSITION, found


def test_each_of_its_words_is_found() -> None:
    words = [
        "from pynamodb.expressions.update import Action",
        "import pynamodb",
        "with reaching_dynamodb(): pass",
        "name = item['id']['S']",
        "key = {'S': name}",
    ]
    assert [len(list(told(word))) for word in words] == [1] * len(words)
