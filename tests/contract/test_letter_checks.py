"""The page on letters names what their checks find, and nothing else."""

import re

from chalicelib.rendering.lint.registry import ASIDE, OF_LANGUAGES, RULES
from infra.paths import ROOT

ROW = re.compile(r"^\| `(\w+)` \| (error|warning|note) \|", re.MULTILINE)


def test_the_page_on_letters_lists_every_code_with_its_severity_and_no_other() -> None:
    known = {code: one.severity.value for code, one in RULES.items()} | dict.fromkeys(OF_LANGUAGES, "warning")
    known |= {code: severity.value for code, severity in ASIDE.items()}

    assert dict(ROW.findall((ROOT / "docs" / "letters.md").read_text(encoding="utf-8"))) == known
