"""What Enter does in the managers' forms."""

import re
from pathlib import Path

import pytest

from infra.paths import ROOT

PAGES = sorted((ROOT / "templates" / "admin").glob("*.html"))
FORM = re.compile(r"<form\b.*?</form>", re.DOTALL)
FIRST = re.compile(r"\{\{ parts\.on_enter\(\) \}\}|<button\b[^>]*>")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_enter_does_what_the_form_is_for(page: Path) -> None:
    """A browser presses a form's first button (HTML, "implicit submission"): counting is not saving."""
    firsts = [FIRST.search(form) for form in FORM.findall(page.read_text(encoding="utf-8"))]
    assert [first[0] for first in firsts if first and "formaction" in first[0]] == []
