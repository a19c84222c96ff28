"""A copy of the code to which a test adds something, as anybody would, to see what follows from it."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from infra.paths import ROOT

COPIED = (
    *(".chalice", "app.py", "chalicelib", "docs", "functions", "infra", "layers", "locale", "pyproject.toml"),
    *("templates", "tests", "tools", "Makefile", "requirements-dev.txt"),
)


class Checkout:
    """The copy in `path`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        for name in COPIED:
            if (ROOT / name).is_dir():
                shutil.copytree(ROOT / name, path / name, symlinks=True)  # with the bytecode of what stays as it is
            elif (ROOT / name).exists():
                shutil.copy(ROOT / name, path / name)

    def change(self, file: str, pattern: str, replacement: str) -> None:
        """Replaces the first match of a pattern, which must be there."""
        place = self.path / file
        text, found = re.subn(pattern, replacement, place.read_text(encoding="utf-8"), count=1)
        assert found, pattern
        place.write_text(text, encoding="utf-8")

    def write(self, file: str, text: str) -> None:
        """A new file."""
        (self.path / file).write_text(text, encoding="utf-8")

    def say(self, texts: str, place: str, **words: str) -> None:
        """New words in `templates/<texts>/<language>.json`, in both languages, at a dotted place."""
        for language in ("en", "ru"):
            file = self.path / "templates" / texts / f"{language}.json"
            said = node = json.loads(file.read_text(encoding="utf-8"))
            for name in place.split("."):
                node = node[name]
            node.update(words)
            file.write_text(json.dumps(said, ensure_ascii=False), encoding="utf-8")

    def run(self, *command: str) -> None:
        """A command of Python in the copy, which must end well."""
        done = subprocess.run([sys.executable, *command], cwd=self.path, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
