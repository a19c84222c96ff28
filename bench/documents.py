"""Writes the tables of the last measurements into docs/performance.md, between the marks `<!-- bench:<name> -->` and
`<!-- /bench -->`; the words around them are people's.

    python -m bench.documents
"""

import json
import re
from pathlib import Path
from typing import Any

from bench.harness import RESULTS, text_table
from infra.paths import ROOT

PAGE = ROOT / "docs" / "performance.md"
_PLACE = re.compile(r"(<!-- bench:(\w+) -->\n).*?(<!-- /bench -->)", re.DOTALL)


def section(content: dict[str, Any]) -> str:
    """The table of one measurement, with what was expected of it, the date and the machine."""
    lines = [f"{content['title']}. {content['measured_at']}, {content['machine']}.", ""]
    lines += text_table(content["columns"], content["rows"])
    if content["remarks"]:
        lines += ["", *(f"{remark}  " for remark in content["remarks"])]
    if content["expectations"]:
        lines += ["", *(f"- {'met' if one['met'] else '**missed**'}: {one['text']}" for one in content["expectations"])]
    return "\n".join(lines) + "\n"


def main() -> None:
    def filled(found: re.Match[str]) -> str:
        result: Path = RESULTS / f"{found[2]}.json"
        if not result.exists():  # not measured here: what the page says stays
            return found[0]
        return found[1] + section(json.loads(result.read_text())) + found[3]

    PAGE.write_text(_PLACE.sub(filled, PAGE.read_text()))


if __name__ == "__main__":
    main()
