"""The processes that run functions on a local cloud, by the folder that the emulator makes for each."""

from contextlib import suppress
from pathlib import Path

from infra.local.cloud import LocalCloud

_NAMED = "ministack-lambda-"  # then the function's name, a hyphen, and letters without one


def worker_pids(cloud: LocalCloud, function: str | None = None) -> list[int]:
    """Of one function, or of all; of no other cloud on this machine."""
    temporary = cloud.state.temporary.resolve()
    found = []
    for cwd in Path("/proc").glob("[0-9]*/cwd"):
        with suppress(OSError):
            folder = cwd.readlink().parent
            name = folder.name.removeprefix(_NAMED).rpartition("-")[0]
            if folder.parent == temporary and folder.name.startswith(_NAMED) and function in {None, name}:
                found.append(int(cwd.parent.name))
    return found
