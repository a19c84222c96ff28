"""Zip files that depend on their content alone: the same sources give the same bytes, and so the same name, everywhere.

Used for the workers' zip, the layer and the check whether the app has changed."""

import fcntl
import hashlib
import os
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Self

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold
_MODE = 0o100644 << 16
_NEVER_SHIPPED = {"__pycache__", ".DS_Store"}


@dataclass(frozen=True)
class Artifact:
    """A file to upload. `digest` is the SHA-256 of its bytes."""

    path: Path
    digest: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """The artifact at this path. Raises: FileNotFoundError."""
        return cls(path, hashlib.sha256(path.read_bytes()).hexdigest())

    @property
    def key(self) -> str:
        """Its name in the bucket of artifacts: new content has a new name."""
        return f"{self.path.stem}-{self.digest[:16]}{self.path.suffix}"


def tree(root: Path, folder: str, *, without: Iterable[str] = ()) -> Iterator[tuple[str, Path]]:
    """Every file under `root/folder` with its name relative to `root`, following links; `without` names folders,
    relative to `root`, to leave out."""
    left_out = tuple(f"{name}/" for name in without)
    for path in sorted((root / folder).rglob("*")):
        name = path.relative_to(root).as_posix()
        if path.is_file() and not _NEVER_SHIPPED & set(path.parts) and not name.startswith(left_out):
            yield name, path


def write_zip(target: Path, files: Iterable[tuple[str, Path]], *, level: int = 9) -> Artifact:
    """Writes the archive completely or not at all. `level`: of zlib, 9 is the smallest."""
    target.parent.mkdir(parents=True, exist_ok=True)
    unfinished = target.with_suffix(f".{os.getpid()}.part")  # another process may be writing the same
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, path in sorted(files):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.external_attr = _MODE
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, path.read_bytes(), compresslevel=level)
    unfinished.replace(target)
    return Artifact.of(target)


@contextmanager
def alone(place: Path) -> Iterator[None]:
    """Lets one process at a time make what belongs at `place`; the next one finds it made."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with place.with_name(f".{place.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def digest_of(files: Iterable[tuple[str, Path]], *extra: str) -> str:
    """A SHA-256 over names and contents: equal exactly if nothing has changed."""
    total = hashlib.sha256()
    for name, path in sorted(files):
        total.update(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    for text in extra:
        total.update(f"\0{text}\0".encode())
    return total.hexdigest()
