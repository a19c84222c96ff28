"""docs/security.md answers for every requirement of OWASP ASVS 5.0.0, levels 1 and 2, once, and names what exists."""

import re
from collections.abc import Iterator

from infra.paths import ROOT

# The standard's numbers of levels 1 and 2; what is missing in between is of level 3.
LEVELS_1_AND_2 = """
1.1.1-2 1.2.1-9 1.3.1-11 1.4.1-3 1.5.1-2 2.1.1-3 2.2.1-3 2.3.1-4 2.4.1 3.2.1-2 3.3.1-4 3.4.1-6 3.5.1-5 3.7.1-2
4.1.1-3 4.2.1 4.3.1-2 4.4.1-4 5.1.1 5.2.1-3 5.3.1-2 5.4.1-3 6.1.1-3 6.2.1-12 6.3.1-4 6.4.1-4 6.5.1-5 6.6.1-3 6.8.1-4
7.1.1-3 7.2.1-4 7.3.1-2 7.4.1-5 7.5.1-2 7.6.1-2 8.1.1-2 8.2.1-3 8.3.1 8.4.1 9.1.1-3 9.2.1-4
10.1.1-2 10.2.1-2 10.3.1-4 10.4.1-11 10.5.1-5 10.6.1-2 10.7.1-3 11.1.1-2 11.2.1-3 11.3.1-3 11.4.1-4 11.5.1 11.6.1
12.1.1-3 12.2.1-2 12.3.1-4 13.1.1 13.2.1-5 13.3.1-2 13.4.1-5 14.1.1-2 14.2.1-4 14.3.1-3 15.1.1-3 15.2.1-3 15.3.1-7
16.1.1 16.2.1-5 16.3.1-4 16.4.1-3 16.5.1-3 17.1.1 17.2.1-4 17.3.1-2
"""
PART = (ROOT / "docs" / "security.md").read_text(encoding="utf-8").split("## OWASP ASVS")[1]
ROWS = re.findall(r"^\| ([\d., –]+) \| (met|n/a|shared|missing) \| (.*) \|$", PART, re.MULTILINE)


def requirements() -> list[str]:
    """All of them, in the standard's order."""
    found = []
    for word in LEVELS_1_AND_2.split():
        section, _, numbers = word.rpartition(".")
        first, _, last = numbers.partition("-")
        found += [f"{section}.{n}" for n in range(int(first), int(last or first) + 1)]
    return found


def answered() -> Iterator[str]:
    """Those of the tables: `1.2.6–1.2.8` stands for three."""
    known = requirements()
    for numbers, _, _ in ROWS:
        for one in numbers.split(", "):
            first, _, last = one.partition("–")
            yield from known[known.index(first) : known.index(last or first) + 1]


def test_every_requirement_is_answered_once_in_the_order_of_its_chapter() -> None:
    assert len(requirements()) == 253
    assert sorted(answered()) == sorted(requirements())


def test_what_an_answer_names_exists() -> None:
    named = {path for _, _, how in ROWS for path in re.findall(r"`((?:chalicelib|infra|tests)/[\w/.]+)`", how)}
    assert len(named) > 20
    assert sorted(path for path in named if not (ROOT / path).exists()) == []


def test_what_is_missing_says_why() -> None:
    assert all(len(how) > 80 for _, verdict, how in ROWS if verdict == "missing")
