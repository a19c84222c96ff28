"""The logs in a pipe."""

import subprocess
import sys

from infra.paths import ROOT

TALK = """
from tools.logs import until_nobody_reads
with until_nobody_reads():
    while True:
        print("a line", flush=True)
"""


def test_a_reader_who_leaves_ends_the_logs_without_a_word() -> None:
    """Promise G5: `make logs | head -1` has what it wanted, and no traceback."""
    with subprocess.Popen(
        [sys.executable, "-c", TALK], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as talking:
        assert talking.stdout is not None
        assert talking.stderr is not None
        assert talking.stdout.readline() == b"a line\n"
        talking.stdout.close()
        told = talking.stderr.read()
    assert (talking.returncode, told) == (0, b"")
