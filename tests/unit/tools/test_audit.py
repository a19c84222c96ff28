"""`make audit` calls clean only what was asked about. pip-audit is played by a program that answers as it does."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tools.audit import UNKNOWN, VULNERABLE, Report, asked, verdict

GOOD = {"name": "idna", "version": "3.10", "vulns": []}
BAD = {
    "name": "jinja2",
    "version": "3.1.5",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["3.1.6"], "aliases": []}],
}
SKIPPED = {
    "name": "boto3",
    "skip_reason": "Dependency not found on PyPI and could not be audited: boto3 (1.43.106)",
}
LOCK = """\
boto3==1.43.106 \\
    --hash=sha256:00
    # via requirements.in
colorama==0.4.6 ; sys_platform == 'a platform of others' \\
    --hash=sha256:00
idna==3.10 ; python_version < '4' \\
    --hash=sha256:00
jinja2==3.1.5
"""


def report(tmp_path: Path, program: str, *, seconds: float = 60) -> Report:
    lock = tmp_path / "requirements.txt"
    lock.write_text(LOCK)
    return asked(lock, seconds=seconds, command=(sys.executable, "-c", program))


def saying(*dependencies: Any, status: int = 0) -> str:
    return f"import sys; print({json.dumps({'dependencies': dependencies, 'fixes': []})!r}); sys.exit({status})"


def test_clean_is_said_only_when_every_package_was_asked_about(tmp_path: Path) -> None:
    found = report(tmp_path, saying(GOOD, {**GOOD, "name": "boto3"}, {**GOOD, "name": "jinja2"}))
    assert found.lines == ["requirements.txt: clean: none of 3 packages has a known vulnerability"]
    assert verdict([found], strict=True) == 0


def test_what_was_skipped_is_unknown_with_the_reason_and_fails_only_where_that_is_asked_for(tmp_path: Path) -> None:
    """Promise I7: silence is not clean."""
    found = report(tmp_path, saying(SKIPPED, {**SKIPPED, "name": "jinja2"}, GOOD))
    assert found.lines == [
        "requirements.txt: unknown: 2 of 3 packages could not be asked",
        "  2 × Dependency not found on PyPI and could not be audited",
    ]
    assert (verdict([found], strict=False), verdict([found], strict=True)) == (0, UNKNOWN)


def test_a_vulnerability_always_fails_and_hides_nothing_that_is_unknown(tmp_path: Path) -> None:
    found = report(tmp_path, saying(BAD, SKIPPED, GOOD, status=1))
    assert found.lines[:2] == [
        "requirements.txt: VULNERABLE: jinja2 3.1.5: PYSEC-2026-1 (fixed in 3.1.6)",
        "requirements.txt: unknown: 1 of 3 packages could not be asked",
    ]
    clean = Report("other.txt", 1)
    assert verdict([clean, found], strict=False) == verdict([found, clean], strict=True) == VULNERABLE


@pytest.mark.parametrize(
    ("program", "why"),
    [
        ("import time; time.sleep(600)", "no answer in 1 seconds"),
        ("import sys; sys.exit('ConnectionError: pypi.org')", "ConnectionError: pypi.org"),
        ("print('No known vulnerabilities found')", "pip-audit said nothing"),
        ("print('[]')", "pip-audit said nothing"),
        (saying(), "pip-audit did not name it"),
    ],
    ids=["hangs", "breaks", "no JSON", "another JSON", "names nothing"],
)
def test_a_run_that_tells_nothing_leaves_every_package_unknown(tmp_path: Path, program: str, why: str) -> None:
    found = report(tmp_path, program, seconds=1 if "sleep" in program else 60)
    assert found.unasked == (why,) * 3
    assert "clean" not in " ".join(found.lines)
    assert verdict([found], strict=True) == UNKNOWN
