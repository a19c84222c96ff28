"""Which features of HTML and CSS Gmail and Outlook drop, from caniemail.com's data: the table that the tests of the
shipped letters compare with.

python -m tools.mail_clients     # fetches the data by npm and writes the table
"""

import json
import subprocess
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.paths import BUILD, ROOT

TABLE = ROOT / "tests" / "contract" / "mail_clients.json"
_PACKAGE = "caniemail@2.0.2"
_PLACE = BUILD / "caniemail"
_FAMILIES = ("gmail", "outlook")
_LIMIT_SECONDS = 120


def fetched() -> Mapping[str, Any] | None:
    """caniemail's data out of its npm package, kept in build/; None where npm or its registry is not at hand."""
    kept = _PLACE / f"{_PACKAGE}.json"
    if not kept.exists() and not _fetch(kept):
        return None
    data: Mapping[str, Any] = json.loads(kept.read_text(encoding="utf-8"))
    return data


def _fetch(kept: Path) -> bool:
    _PLACE.mkdir(parents=True, exist_ok=True)
    command = ("npm", "pack", _PACKAGE, "--silent", "--pack-destination", str(_PLACE))
    try:
        done = subprocess.run(  # noqa: S603 - a command of ours
            command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=True
        )
        with tarfile.open(_PLACE / done.stdout.split()[-1]) as package:
            found = package.extractfile("package/data/caniemail.json")
            kept.write_bytes(found.read() if found else b"")
    except (OSError, subprocess.SubprocessError, KeyError, IndexError):
        return False
    return True


def table(data: Mapping[str, Any]) -> dict[str, Any]:
    """By family of mail programs, the features that the newest version of at least one of its programs drops."""
    dropped = {
        family: sorted(one["slug"] for one in data["data"] if _dropped(one["stats"].get(family, {})))
        for family in _FAMILIES
    }
    return {"source": f"https://www.caniemail.com, npm {_PACKAGE}", "date": data["last_update_date"][:10], **dropped}


def _dropped(programs: Mapping[str, Mapping[str, str]]) -> bool:
    """`n`: not supported; the versions stand in the order of their release."""
    return any(list(versions.values())[-1].split()[0] == "n" for versions in programs.values() if versions)


def main() -> None:
    """The command."""
    data = fetched()
    if data is None:
        raise SystemExit(f"mail_clients: npm is needed, and its registry, for {_PACKAGE}")
    TABLE.write_text(json.dumps(table(data), indent=1) + "\n", encoding="utf-8")
    print(TABLE)


if __name__ == "__main__":
    main()
