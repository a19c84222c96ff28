"""What processes of this machine have used, from Linux's /proc ("proc(5)")."""

import os
from collections import Counter, defaultdict
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


def cpu_seconds(pid: int, *, with_ended_children: bool = False) -> float:
    """User and system time of a process so far; 0 for one that is gone."""
    fields = _stat(pid)
    ticks = fields[11:15] if with_ended_children else fields[11:13]
    return sum(map(int, ticks)) / _TICKS


def peak_mb(pid: int) -> float:
    """The largest resident memory that a process ever had (VmHWM); 0 for one that is gone."""
    try:
        lines = (_PROC / str(pid) / "status").read_text().splitlines()
    except OSError:
        return 0.0
    return next((int(line.split()[1]) / 1000 for line in lines if line.startswith("VmHWM")), 0.0)


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`."""
    children: defaultdict[int, list[int]] = defaultdict(list)
    for place in _PROC.glob("[0-9]*"):
        fields = _stat(int(place.name))
        if fields:
            children[int(fields[1])].append(int(place.name))
    found, left = [], [pid]
    while left:
        below = children[left.pop()]
        found += below
        left += below
    return found


def tree_cpu_seconds(pid: int) -> float:
    """Of a process, all that it started, and those of them that have ended."""
    return sum(cpu_seconds(one, with_ended_children=True) for one in [pid, *descendants(pid)])


class Lambdas:
    """The CPU time of the emulator's worker processes by function: one process runs one function, and is named so in
    its environment. `look` often enough to meet each of them alive."""

    def __init__(self, emulator_pid: int) -> None:
        self._emulator = emulator_pid
        self._names: dict[int, str] = {}
        self._used: dict[int, float] = {}
        self._peaks: dict[str, float] = {}

    def look(self) -> None:
        """Reads what the living ones have used."""
        for pid in descendants(self._emulator):
            if pid not in self._names:
                self._names[pid] = _function(pid)
            if self._names[pid]:
                self._used[pid] = max(self._used.get(pid, 0.0), cpu_seconds(pid))
                name = self._names[pid]
                self._peaks[name] = max(self._peaks.get(name, 0.0), peak_mb(pid))

    def peaks_mb(self) -> dict[str, float]:
        """The largest resident memory of a process of each function."""
        self.look()
        return dict(self._peaks)

    def seconds(self) -> Counter[str]:
        """What each function has used so far, its cold starts included."""
        self.look()
        total: Counter[str] = Counter()
        for pid, used in self._used.items():
            total[self._names[pid]] += used  # type: ignore[assignment]  # Counter adds up floats as well
        return total


def _function(pid: int) -> str:
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes().split(b"\0")
    except OSError:
        return ""
    name = b"AWS_LAMBDA_FUNCTION_NAME="
    return next((one[len(name) :].decode() for one in environment if one.startswith(name)), "")


def _stat(pid: int) -> list[str]:
    """The fields of /proc/<pid>/stat from the state on; the name before them may hold spaces."""
    try:
        return (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []
