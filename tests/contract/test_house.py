"""The house at the large scale: one meaning for a name, one home for a thing, and sizes that a reader can hold.

What is not so yet is listed; a list may only become shorter.
"""

import ast
from collections import defaultdict
from pathlib import Path

from infra.paths import ROOT

SIZE = 59_050  # lines of production Python, at most
MODULE, FUNCTION = 250, 30

# The same room in more than one package. Everything else that is repeated is a resource: it stands at several doors
# (`api`, `admin`, `public`), in the domain and in the storage under its one name.
ROOMS = {"jobs.py", "model.py", "routes.py", "views.py", "workers.py"}
DOORS = {"", "admin", "api", "public", "rows", "storage", "functions", "services"}

LONG = {
    "chalicelib/admin/campaigns.py:check_campaign",
    "chalicelib/admin/views.py:_answer",
    "chalicelib/channels/email.py:_send_many",
    "chalicelib/pipeline/claims.py:record",
    "chalicelib/public/preference_form.py:read_form",
    "chalicelib/stage/workers.py:deliver",
}


def product() -> list[Path]:
    files = [path for folder in ("chalicelib", "functions") for path in sorted((ROOT / folder).rglob("*.py"))]
    return [ROOT / "app.py", *(path for path in files if "__pycache__" not in path.parts)]


def test_a_public_class_has_one_meaning() -> None:
    homes: defaultdict[str, list[str]] = defaultdict(list)
    for path in product():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
                homes[node.name].append(path.relative_to(ROOT).as_posix())
    twice = {name: where for name, where in homes.items() if len(where) > 1}

    assert twice == {}


def test_a_file_name_means_one_room() -> None:
    homes: defaultdict[str, list[Path]] = defaultdict(list)
    for path in product():
        if path.name not in ("__init__.py", *ROOMS):
            homes[path.name].append(path.relative_to(ROOT))
    twice = {
        name: [one.as_posix() for one in where]
        for name, where in homes.items()
        if len([one for one in where if one.parent.name not in DOORS]) > 1
    }

    assert twice == {}


def test_a_module_and_its_functions_can_be_read_in_one_sitting() -> None:
    long: set[str] = set()
    for path in product():
        text, name = path.read_text(encoding="utf-8"), path.relative_to(ROOT).as_posix()
        if len(text.splitlines()) > MODULE:
            long.add(name)
        long |= {
            f"{name}:{node.name}"
            for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.FunctionDef) and lines_of(node) > FUNCTION
        }

    assert long == LONG


def lines_of(function: ast.FunctionDef) -> int:
    """The lines of what it does: neither its signature nor its docstring."""
    body = function.body[1:] if ast.get_docstring(function) else function.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def test_the_product_does_not_grow() -> None:
    assert sum(len(path.read_text(encoding="utf-8").splitlines()) for path in product()) <= SIZE
