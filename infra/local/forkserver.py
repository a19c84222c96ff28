"""A Python that has imported what the workers import, and splits off one more worker for each order on its standard
input. `forks.py` starts it, as a file of its own: nothing of this checkout is on its path.

    python -P forkserver.py <folder of the code that the workers run>

An order is one packet: JSON of `argv`, `cwd` and `env`, with the worker's three standard streams. The answer is the
worker's pid, with a pidfd of it.
"""

import gc
import importlib
import json
import os
import runpy
import select
import site
import socket
import sys
import traceback
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
from botocore.loaders import create_loader

_MODULES = (
    *("aws_lambda_powertools.logging", "aws_lambda_powertools.metrics", "aws_lambda_powertools.utilities.batch"),
    *("botocore.handlers", "botocore.signers", "jinja2.sandbox", "pydantic.json_schema", "pydantic.types"),
    *("pynamodb.models", "pynamodb.transactions", "babel.dates", "babel.numbers", "css_inline", "email_validator"),
    *("argon2", "phonenumbers", "requests"),
)
_SERVICES = ("dynamodb", "s3", "sesv2", "sns", "sqs", "ssm")
_PACKET_BYTES = 1 << 18
_REAP_SECONDS = 1.0


def prepare(code: Path) -> None:
    """What every worker would do for itself: imports, and the models of the services read. The service's modules do
    nothing when they are imported; what cannot be, the worker itself will tell."""
    for module in _MODULES:
        importlib.import_module(module)
    botocore.session.create_loader = cache(create_loader)
    for service in _SERVICES:
        botocore.session.Session().create_client(service, region_name="us-east-1")
    sys.path.insert(0, str(code))
    for path in sorted((code / "chalicelib").rglob("*.py")):
        with suppress(Exception):
            importlib.import_module(".".join(path.relative_to(code).with_suffix("").parts).removesuffix(".__init__"))
    sys.path.remove(str(code))
    importlib.invalidate_caches()
    gc.collect()
    gc.freeze()


def serve(orders: socket.socket) -> None:
    """Until the other end is closed."""
    while True:
        ready, _, _ = select.select([orders], [], [], _REAP_SECONDS)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        if not ready:
            continue
        packet, streams, _, _ = socket.recv_fds(orders, _PACKET_BYTES, 3)
        if not packet:
            return
        pid = os.fork()
        if pid == 0:
            orders.close()
            _work(json.loads(packet), streams)
        pidfd = os.pidfd_open(pid)
        socket.send_fds(orders, [str(pid).encode()], [pidfd])
        for fd in (pidfd, *streams):
            os.close(fd)


def _work(order: dict[str, Any], streams: list[int]) -> None:
    """Becomes the worker, to its end."""
    status = 1
    try:
        _become(order, streams)
        runpy.run_path(order["argv"][0], run_name="__main__")
        status = 0
    except BaseException:
        traceback.print_exc()
    finally:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError):
                stream.flush()
        os._exit(status)


def _become(order: dict[str, Any], streams: list[int]) -> None:
    """As a new interpreter would begin with these arguments, in this folder and environment."""
    for number, fd in enumerate(streams):
        os.dup2(fd, number)
        os.close(fd)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.stdin, sys.stdout, sys.stderr = os.fdopen(0), os.fdopen(1, "w"), os.fdopen(2, "w", 1)
    sys.argv = order["argv"]
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    own = os.environ.get("PYTHONPATH", "").split(os.pathsep)
    sys.path[:0] = [str(Path(sys.argv[0]).parent), *filter(None, own)]
    sys.modules.pop("sitecustomize", None)
    site.execsitecustomize()


def main() -> None:
    orders = socket.socket(fileno=os.dup(0))
    prepare(Path(sys.argv[1]))
    serve(orders)


if __name__ == "__main__":
    main()
