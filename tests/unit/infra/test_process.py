"""How the children of the local cloud end."""

import os
from pathlib import Path

from infra.local.process import Child, free_port

# As the emulator does: at a SIGTERM it waits for what it has started, and then ends cleanly.
PARENT = """
import signal, subprocess, sys, threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path

function = subprocess.Popen(["sleep", "600"])
server = HTTPServer(("127.0.0.1", int(sys.argv[1])), SimpleHTTPRequestHandler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
function.wait()
Path(sys.argv[2]).touch()
"""


def test_what_a_child_has_started_ends_with_it_so_that_it_ends_cleanly(tmp_path: Path) -> None:
    (tmp_path / "emulates.py").write_text(PARENT)
    port, clean = free_port(), tmp_path / "clean"
    child = Child(
        "a child",
        ["emulates", str(port), str(clean)],
        environment={**os.environ, "PYTHONPATH": str(tmp_path)},
        log=tmp_path / "log",
        health_url=f"http://127.0.0.1:{port}/",
    )
    child.start()
    child.wait_healthy()
    child.stop()
    assert not child.running
    assert clean.exists()
