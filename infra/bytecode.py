"""Zips of modules with their bytecode. Lambda cannot write next to a module, so every cold start would compile whatever
it imports."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from infra.archive import Artifact, alone, digest_of, write_zip
from infra.runtimes import Runtime, interpreter

_TASK = "/var/task"  # where Lambda unpacks a function, AWS: "Lambda execution environment"


def compiled_zip(
    target: Path, files: Iterable[tuple[str, Path]], *, runtime: Runtime, runs_in: str = _TASK, level: int = 9
) -> Artifact:
    """Writes `target`, only if a file, Lambda's Python or the compiling one has changed; its content stays beside it,
    in a folder of its name. Without such a Python the sources are shipped as they are, with a warning. Raises:
    subprocess.CalledProcessError."""
    sources = sorted(files)
    compiler = interpreter(runtime.python)
    folder, stamp = target.with_suffix(""), target.with_suffix(".sha256")
    wanted = digest_of(sources, runtime.python, runs_in, _version(compiler), digest_of([("self", Path(__file__))]))
    with alone(target):
        if target.exists() and stamp.exists() and stamp.read_text() == wanted:
            return Artifact.of(target)
        stamp.unlink(missing_ok=True)  # an interrupted build is repeated
        shutil.rmtree(folder, ignore_errors=True)
        for name, path in sources:
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / name)
        if compiler:
            _compile(folder, compiler, runs_in)
        else:
            _warn(runtime.python)
        artifact = write_zip(target, _content(folder), level=level)
        stamp.write_text(wanted)
        return artifact


def _content(folder: Path) -> Iterable[tuple[str, Path]]:
    return ((path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file())


def _version(compiler: Path | None) -> str:
    if compiler is None:
        return ""
    told = subprocess.run([compiler, "-I", "-c", "import sys; print(sys.version)"], capture_output=True, check=True)
    return told.stdout.decode()


def _compile(folder: Path, compiler: Path, runs_in: str) -> None:
    """Files carry an unchecked hash (PEP 552) and the path that they run at: the same sources give the same bytes."""
    place = ["-s", str(folder), "-p", runs_in, "--invalidation-mode", "unchecked-hash"]
    command = ["-I", "-m", "compileall", "-q", *place, str(folder)]
    subprocess.run([compiler, *command], check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


@cache  # once a command is enough
def _warn(python: str) -> None:
    print(
        f"package: no Python {python} is on this machine, so what is packaged has no bytecode: each cold start\n"
        "package: compiles what it imports and takes more than twice as long. Install one (pyenv, the system's\n"
        f"package: packages, or `.venv/bin/uv python install {python}`) and package again.",
        file=sys.stderr,
    )
