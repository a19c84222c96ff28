"""Runs a module that ends when its parent does, however that one ended (a `kill -9` included): no orphan holds a port.

    python -m infra.local.leash <parent's pid> <module> [argument …]

`process.py` starts every child of the local cloud so.
"""

import os
import runpy
import signal
import sys
import threading
import time

_CHECK_SECONDS = 0.5


def tie_to_parent(parent_pid: int) -> None:
    """From now on this process gets SIGTERM, its order to stop cleanly, once `parent_pid` is no longer its parent."""

    def watch() -> None:
        while os.getppid() == parent_pid:
            time.sleep(_CHECK_SECONDS)
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=watch, name="leash", daemon=True).start()


def main() -> None:
    _, parent_pid, module, *arguments = sys.argv
    tie_to_parent(int(parent_pid))
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
