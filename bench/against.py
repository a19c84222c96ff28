"""Measures this checkout against another commit: each bench runs here, there, here, there …; the medians of its figures
stand beside each other.

    python -m bench.against <commit> [--rounds 2] letters way "growth --sizes 1000"

The other commit is checked out into a temporary worktree. It runs in this environment and with these benches, except
those that know rows of its tables: there it has its own.
"""

import argparse
import json
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from bench.harness import Cell, Report, median
from infra.paths import ROOT

OWN = ("admin_pages.py", "fanout.py", "history.py")
HERE, THERE = "here", "there"
Figure = tuple[str, str, str]  # of which bench, of which row, in which column
Figures = Mapping[Figure, float]


@contextmanager
def checkout(commit: str) -> Iterator[Path]:
    """A worktree of a commit, with these benches."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(tree), commit], check=True, cwd=ROOT)
        try:
            own = {name: (tree / "bench" / name).read_bytes() for name in OWN}
            shutil.copytree(ROOT / "bench", tree / "bench", dirs_exist_ok=True)
            for name, content in own.items():
                (tree / "bench" / name).write_bytes(content)
            subprocess.run([sys.executable, "-m", "infra.assets"], check=True, cwd=tree)
            yield tree
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(tree)], check=True, cwd=ROOT)


def run(tree: Path, bench: str) -> Figures:
    """The figures of one bench, given with its options. Raises: RuntimeError: it measured nothing."""
    name, *options = shlex.split(bench)
    result = tree / "build" / "bench" / f"{name}.json"
    result.unlink(missing_ok=True)
    subprocess.run([sys.executable, "-m", f"bench.{name}", *options], check=False, cwd=tree)  # 1: a target was missed
    if not result.exists():
        raise RuntimeError(f"bench.{name} measured nothing in {tree}")
    content = json.loads(result.read_text())
    return dict(figures(name, content["columns"], content["rows"]))


def figures(name: str, columns: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> Iterator[tuple[Figure, float]]:
    """The numbers of a table. A row is known by its first cells, up to the first number behind them."""
    for row in rows:
        cells = [row.get(column) for column in columns]
        words = 1 + sum(1 for cell in cells[1:2] if isinstance(cell, str))
        for column, cell in zip(columns[words:], cells[words:], strict=True):
            if isinstance(cell, int | float):
                yield (name, " · ".join(map(str, cells[:words])), column), float(cell)


def compare(found: Mapping[str, Mapping[Figure, Sequence[float]]], commit: str, rounds: int) -> Report:
    """A row for each figure that is not 0."""
    report = Report("against", f"Against {commit}, medians of {rounds} runs",
                    ("bench", "row", "figure", HERE, THERE, "ratio"))  # fmt: skip
    for (bench, row, column), values in found[HERE].items():
        here, others = median(values), found[THERE].get((bench, row, column))
        there = median(others) if others else None
        if here or there:
            report.add(bench=bench, row=row, figure=column, here=here, there=there,
                       ratio=here / there if there else None)  # fmt: skip
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("commit")
    parser.add_argument("benches", nargs="+", metavar="bench", help="a name, or a name with options in quotes")
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    found: dict[str, defaultdict[Figure, list[float]]] = {HERE: defaultdict(list), THERE: defaultdict(list)}
    with checkout(chosen.commit) as tree:
        for _ in range(chosen.rounds):
            for bench in chosen.benches:
                for side, place in ((HERE, ROOT), (THERE, tree)):
                    print(f"\n{side}: {bench}", flush=True)
                    for figure, value in run(place, bench).items():
                        found[side][figure].append(value)
    return compare(found, chosen.commit, chosen.rounds).publish()


if __name__ == "__main__":
    raise SystemExit(main())
