"""`make audit`: what PyPI knows to be vulnerable of the locked packages. pip-audit says "No known vulnerabilities" too
where it could ask about none of them; here what was not asked is `unknown`, and never clean.

Ends with 0 for clean and for unknown, with 1 for a vulnerability, with 2 for unknown where `--strict` is said.

python -m tools.audit --strict requirements.txt requirements-dev.txt
"""

import argparse
import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from packaging.requirements import Requirement

VULNERABLE, UNKNOWN = 1, 2
_PACKAGE = re.compile(r"^[A-Za-z0-9].*?==.*?(?= *\\?$)", re.MULTILINE)  # a lock's line, without its hashes
_NAMED = re.compile(r"(: )?\b[\w.-]+ \([^)]*\)$")  # the package and its version, in a reason


class Report(NamedTuple):
    """What is known about one lock."""

    lock: str
    packages: int
    vulnerable: tuple[str, ...] = ()
    unasked: tuple[str, ...] = ()  # why, for each of the packages that nothing is known of

    @property
    def lines(self) -> list[str]:
        """For people."""
        told = [f"{self.lock}: VULNERABLE: {one}" for one in self.vulnerable]
        if self.unasked:
            told.append(f"{self.lock}: unknown: {len(self.unasked)} of {self.packages} packages could not be asked")
            told += [f"  {times} × {why}" for why, times in Counter(self.unasked).most_common()]
        elif not self.vulnerable:
            told.append(f"{self.lock}: clean: none of {self.packages} packages has a known vulnerability")
        return told


def asked(lock: Path, *, seconds: float, command: Sequence[str] = (sys.executable, "-m", "pip_audit")) -> Report:
    """Runs pip-audit over a lock. However that ends, each package of the lock counts as known or as not asked about."""
    packages = sum(_is_for_here(line) for line in _PACKAGE.findall(lock.read_text(encoding="utf-8")))
    options = ["--progress-spinner", "off", "--disable-pip", "--require-hashes", "--format", "json", "-r", str(lock)]
    try:
        done = subprocess.run(  # noqa: S603 - our own arguments
            [*command, *options], capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return _nothing(lock, packages, f"no answer in {seconds:g} seconds")
    try:
        return read(json.loads(done.stdout), lock=lock.name, packages=packages)
    except (ValueError, KeyError, TypeError):
        return _nothing(lock, packages, (done.stderr.strip().splitlines() or ["pip-audit said nothing"])[-1])


def read(found: dict[str, Any], *, lock: str, packages: int) -> Report:
    """Reads pip-audit's JSON. Raises: KeyError, TypeError (permanent) for anything else."""
    known = found["dependencies"]
    answered = [one for one in known if "skip_reason" not in one]
    skipped = [_NAMED.sub("", one["skip_reason"]) for one in known if "skip_reason" in one]
    missing = ["pip-audit did not name it"] * max(0, packages - len(known))
    return Report(
        lock,
        max(packages, len(known)),
        vulnerable=tuple(_told(one, each) for one in answered for each in one["vulns"]),
        unasked=(*skipped, *missing),
    )


def verdict(reports: Iterable[Report], *, strict: bool) -> int:
    """The exit status."""
    reports = list(reports)
    if any(one.vulnerable for one in reports):
        return VULNERABLE
    return UNKNOWN if strict and any(one.unasked for one in reports) else 0


def _is_for_here(line: str) -> bool:
    marker = Requirement(line).marker  # a lock has packages for other platforms too; pip-audit skips them
    return marker is None or marker.evaluate()


def _told(package: dict[str, Any], vulnerability: dict[str, Any]) -> str:
    fixed = ", ".join(vulnerability["fix_versions"]) or "no version yet"
    return f"{package['name']} {package['version']}: {vulnerability['id']} (fixed in {fixed})"


def _nothing(lock: Path, packages: int, why: str) -> Report:
    return Report(lock.name, packages, unasked=(why,) * packages)


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("locks", nargs="+", type=Path)
    parser.add_argument("--strict", action="store_true", help="what is unknown fails, too")
    parser.add_argument("--seconds", type=float, default=100, help="the most that a lock may take")
    options = parser.parse_args()
    reports = []
    for lock in options.locks:
        print(f"{lock.name}: asking PyPI …", flush=True)
        reports.append(asked(lock, seconds=options.seconds))
        print("\n".join(reports[-1].lines), flush=True)
    return verdict(reports, strict=options.strict)


if __name__ == "__main__":
    sys.exit(main())
