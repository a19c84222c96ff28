"""What `make dev` watches: the sources that are deployed."""

from collections.abc import Mapping
from pathlib import Path

from infra.archive import tree
from infra.paths import ROOT

_FOLDERS = ("chalicelib", "functions", "locale", "templates", ".chalice")
_FILES = ("app.py", "infra/template.yaml")
_NOT_SOURCES = ("chalicelib/data/locale", ".chalice/deployed", ".chalice/deployments")


class Watch:
    """Remembers how the sources under `root` stood at the last look."""

    def __init__(self, root: Path = ROOT) -> None:
        self._root = root
        self._seen = self._look()

    def changed(self) -> list[str]:
        """Names of files that were written, added or removed since the last look."""
        try:
            now = self._look()
        except OSError:  # what an editor or git took away under this look; the next one sees what is left
            return []
        before, self._seen = self._seen, now
        return sorted({name for name, _ in before.items() ^ self._seen.items()})

    def _look(self) -> Mapping[str, int]:
        named = [(name, self._root / name) for name in _FILES]
        for folder in _FOLDERS:
            named.extend(tree(self._root, folder, without=_NOT_SOURCES))
        return {name: path.stat().st_mtime_ns for name, path in named if path.exists()}
