"""What every measurement shares: medians, the table that is printed, and the JSON that docs/performance.md is made of.

report = Report("cold_start", "Cold starts", columns=("worker", "ms"))
report.add(worker="deliver", ms=412.0)
report.expect("deliver ≤ 1.4 x bare boto3", met=True)
raise SystemExit(report.publish())
"""

import json
import os
import platform
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from infra.paths import BUILD

RESULTS = BUILD / "bench"
Cell = str | float | int | None


@dataclass(frozen=True)
class Expectation:
    """A target and whether this run met it."""

    text: str
    met: bool


@dataclass
class Report:
    """One measurement: rows under `columns`, remarks, and what was expected of them."""

    name: str
    title: str
    columns: Sequence[str]
    rows: list[dict[str, Cell]] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)
    expectations: list[Expectation] = field(default_factory=list)

    def add(self, **cells: Cell) -> None:
        """A row; a column's name is written with `_` for each space."""
        row = {name.replace("_", " "): value for name, value in cells.items()}
        unknown = row.keys() - set(self.columns)
        if unknown:
            raise KeyError(f"{self.name} has no column {', '.join(sorted(unknown))}")
        self.rows.append(row)

    def remark(self, text: str) -> None:
        """A line under the table."""
        self.remarks.append(text)

    def expect(self, text: str, *, met: bool) -> None:
        """A target of this measurement."""
        self.expectations.append(Expectation(text, met))

    def publish(self) -> int:
        """Prints the table and writes `build/bench/<name>.json`; the exit code: 1 where a target was missed."""
        content = {**asdict(self), "measured_at": f"{datetime.now(UTC):%Y-%m-%d}", "machine": machine()}
        RESULTS.mkdir(parents=True, exist_ok=True)
        path = RESULTS / f"{self.name}.json"
        path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n")
        print(f"\n{self.title}\n")
        print("\n".join(text_table(self.columns, self.rows)))
        for remark in self.remarks:
            print(f"  {remark}")
        for one in self.expectations:
            print(f"  {'met   ' if one.met else 'MISSED'} {one.text}")
        print(f"  → {path.relative_to(BUILD.parent)}", flush=True)
        return 0 if all(one.met for one in self.expectations) else 1


def median(values: Sequence[float]) -> float:
    """The middle one of several runs."""
    return statistics.median(values)


def text_table(columns: Sequence[str], rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """The lines of a table in Markdown, which reads well on a terminal too."""
    cells = [list(columns), *([shown(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(line[n]) for line in cells) for n in range(len(columns))]
    numeric = [n > 0 and all(_is_number(row.get(name)) for row in rows) for n, name in enumerate(columns)]
    rule = ["-" * (width - 1) + ":" if right else "-" * width for width, right in zip(widths, numeric, strict=True)]
    lines = [_line(cells[0], widths, numeric), _line(rule, widths, numeric)]
    return lines + [_line(line, widths, numeric) for line in cells[1:]]


def shown(value: Cell) -> str:
    """A number with as many digits as it is worth."""
    if value is None:
        return "–"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else value
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 0.1 else 4
    return f"{value:,.{digits}f}"


def machine() -> str:
    """Where it was measured, in one line: it decides the absolute figures, not the ratios."""
    model = next(
        (line.partition(":")[2].strip() for line in _lines("/proc/cpuinfo") if line.startswith("model name")), ""
    )
    memory = next((int(line.split()[1]) for line in _lines("/proc/meminfo") if line.startswith("MemTotal")), 0)
    version = ".".join(map(str, sys.version_info[:3]))
    return (
        f"{os.cpu_count()} cores of {model or platform.machine()}, {memory / 1e6:.0f} GB, {platform.system()}, "
        f"Python {version}"
    )


def _lines(path: str) -> list[str]:
    place = Path(path)
    return place.read_text().splitlines() if place.exists() else []


def _is_number(value: Cell) -> bool:
    return value is None or isinstance(value, int | float)


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = [
        cell.rjust(width) if right else cell.ljust(width)
        for cell, width, right in zip(cells, widths, numeric, strict=True)
    ]
    return f"| {' | '.join(padded)} |"
