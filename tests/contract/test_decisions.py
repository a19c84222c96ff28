"""Architecture decision records are numbered, have a valid status, name each other and are all in the index."""

import re
from collections.abc import Iterator
from pathlib import Path

from infra.paths import ROOT

RECORDS = sorted((ROOT / "docs" / "adr").glob("[0-9]*.md"))
STATUS = re.compile(
    r"^- Status: (accepted|deprecated|superseded by \[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\))$", re.MULTILINE
)
SUPERSEDES = re.compile(r"^- Supersedes: (.+)$", re.MULTILINE)
LINK = re.compile(r"\[(\d{4})\]\((\d{4}-[a-z0-9-]+\.md)\)")
FOLDERS = ("bench", "chalicelib", "clients", "docs", "functions", "infra", "layers", "tests", "tools")
SUFFIXES = {".md", ".py", ".yaml"}


def number(record: Path) -> str:
    return record.name[:4]


def replaced_by(record: Path) -> str | None:
    """The number of the record that supersedes this one."""
    found = STATUS.search(record.read_text(encoding="utf-8"))
    assert found, f"{record.name} has no valid status"
    return found[2]


def replaces(record: Path) -> set[str]:
    found = SUPERSEDES.search(record.read_text(encoding="utf-8"))
    return {number for number, _ in LINK.findall(found[1])} if found else set()


def texts() -> Iterator[tuple[Path, str]]:
    """Every file that may refer to a record."""
    inside = (path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES)
    for path in (*ROOT.glob("*.md"), ROOT / "app.py", *inside):
        yield path, path.read_text(encoding="utf-8")


def test_numbers_have_no_gaps_and_stand_in_the_titles() -> None:
    assert [number(record) for record in RECORDS] == [f"{n:04d}" for n in range(1, len(RECORDS) + 1)]
    wrong = [r.name for r in RECORDS if not r.read_text(encoding="utf-8").startswith(f"# {number(r)}. ")]
    assert wrong == []


def test_every_record_has_a_date_a_status_and_its_three_parts() -> None:
    for record in RECORDS:
        text = record.read_text(encoding="utf-8")
        assert re.search(r"^- Date: \d{4}-\d\d-\d\d(, extended \d{4}-\d\d-\d\d)?$", text, re.MULTILINE), record.name
        assert STATUS.search(text), record.name
        assert re.findall(r"^## (.*)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"], record.name


def test_a_record_that_is_superseded_and_the_one_that_supersedes_it_name_each_other() -> None:
    forward = {(number(record), later) for record in RECORDS if (later := replaced_by(record))}
    backward = {(earlier, number(record)) for record in RECORDS for earlier in replaces(record)}

    assert forward == backward
    assert all(earlier < later for earlier, later in forward)


def test_the_index_lists_every_record_once_with_its_title_and_status() -> None:
    index = (ROOT / "docs" / "adr" / "README.md").read_text(encoding="utf-8")
    rows = {
        file: (title, status)
        for file, title, status in re.findall(r"^\| \[\d{4}\]\((\S+)\) \| (.*) \| (.*) \|$", index, re.MULTILINE)
    }

    assert sorted(rows) == [record.name for record in RECORDS]
    assert index.count("\n| [") == len(RECORDS)
    for record in RECORDS:
        text = record.read_text(encoding="utf-8")
        title = text.splitlines()[0].removeprefix(f"# {number(record)}. ")
        status = re.search(r"^- Status: (.*)$", text, re.MULTILINE)
        assert status and rows[record.name] == (title, status[1])


def test_every_reference_to_a_record_leads_to_one() -> None:
    numbers = {number(record) for record in RECORDS}
    named = [(str(path), n) for path, text in texts() for n in re.findall(r"\bADR (\d{4})\b", text)]

    assert len(named) > 5
    assert [one for one in named if one[1] not in numbers] == []
