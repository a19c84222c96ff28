"""How long a worker takes from nothing to its first client, beside bare boto3 with clients of SES, SQS and DynamoDB.

Each is a Python process that sees what Lambda sees: the unpacked zip and layer, and the runtime's own boto3. CPU time,
so that a busy machine counts less. `modules` are those that it has imported in the end.

    python -m bench.cold_start [--runs 7]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path

from bench.fanout import ENVIRONMENT
from bench.harness import Report, median
from infra.package import workers_zip
from infra.paths import ROOT
from layers.build import build_layer

MOST_TIMES = 1.4  # bare boto3; the API 1.8
MOST_TIMES_API = 1.8
_BARE = "import boto3\nfor service in ('sesv2', 'sqs', 'dynamodb'): boto3.client(service)"
_TABLES = "\nfrom chalicelib.storage.base import dynamodb; dynamodb().client"
_QUEUES = "\nfrom chalicelib.wiring.clients import sqs; sqs()"
_PARAMETERS = "\nfrom chalicelib.wiring.clients import ssm; ssm()"
# What the first message makes each of them make.
PROGRAMS: Mapping[str, str] = {
    "deliver": "import functions.deliver\nfrom chalicelib.wiring.deliver import deliver; deliver()" + _TABLES,
    "enrich": "import functions.enrich\nfrom chalicelib.wiring.enrich import enrich; enrich()" + _TABLES + _QUEUES,
    "feedback": "import functions.feedback\nfrom chalicelib.wiring.feedback import feedback; feedback()" + _TABLES,
    "fanout": "import functions.fanout\nfrom chalicelib.wiring.campaigns import fanout; fanout()" + _TABLES + _QUEUES,
    "retry": "import functions.retry\nfrom chalicelib.wiring.ledger import reconcile; reconcile()" + _TABLES + _QUEUES,
    "load": "import functions.load\nfrom chalicelib.wiring.campaigns import list_loader; list_loader()" + _TABLES,
    "live": "import functions.live\nfrom chalicelib.wiring.greet import greet; greet()" + _TABLES,
    "tick": "import functions.tick\nfrom chalicelib.wiring.intake import tick; tick()\n"
    "from chalicelib.wiring.campaigns import generator; generator()" + _TABLES + _QUEUES,
    "api": "import app" + _TABLES + _QUEUES,
    "public_pages": "from chalicelib.public.own_function import public_pages\n"
    "from chalicelib.wiring.desk import visit; visit()\n"
    "from chalicelib.wiring.own_say import own_say; own_say()"
    + _TABLES
    + "\nfrom chalicelib.wiring.clients import ssm; ssm()",
}
OF_THE_APP = frozenset({"api", "public_pages"})  # the others are packed as workers
_NAIVE = "import bench.rivals.naive_handler"
_TIMED = """
import sys, time
sys.path[:0] = {paths!r}
before = time.process_time()
{program}
print(time.process_time() - before, len(sys.modules))
"""


def start(program: str, paths: list[str]) -> tuple[float, int]:
    """CPU seconds and modules of one start. Raises: subprocess.CalledProcessError."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    naive = {"LETTER": "{}", "IDEMPOTENCY_TABLE": "i", "USERS_TABLE": "users", "HISTORY_TABLE": "history"}
    answer = subprocess.run(
        [sys.executable, "-c", _TIMED.format(paths=paths, program=program)],
        capture_output=True, check=True, text=True, cwd="/",
        env={**known, **ENVIRONMENT, **naive, "MAIL_FROM": "a@b.example", "PYTHONDONTWRITEBYTECODE": "1"},
    )  # fmt: skip
    seconds, modules = answer.stdout.split()
    return float(seconds), int(modules)


def unpacked(folder: Path) -> list[str]:
    """Where the packages lie, as Lambda has them."""
    for artifact in (workers_zip(), build_layer(platform=None)):
        with zipfile.ZipFile(artifact.path) as archive:
            archive.extractall(folder)
    return [str(folder), str(folder / "python")]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    columns = ("worker", "ms", "x bare boto3", "as unpacked ms", "modules")
    report = Report("cold_start", "Cold starts: import and first client", columns)
    subprocess.run([sys.executable, "-m", "compileall", "-q", "chalicelib", "functions", "bench", "app.py"],
                   check=True, cwd=ROOT)  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        packages = unpacked(Path(folder))
        seconds: dict[str, list[float]] = {name: [] for name in ("bare boto3", *PROGRAMS, "naive handler")}
        raw: dict[str, list[float]] = {name: [] for name in PROGRAMS}
        modules: dict[str, int] = {}
        for _ in range(runs):
            for name, program in {"bare boto3": _BARE, **PROGRAMS, "naive handler": _NAIVE}.items():
                once, modules[name] = start(program, [str(ROOT)])
                seconds[name].append(once)
                if name in PROGRAMS and name not in OF_THE_APP:
                    raw[name].append(start(program, packages)[0])
    for name, used in seconds.items():
        unpacked_ms = median(raw[name]) * 1000 if raw.get(name) else None
        # Each beside the bare start of its own round: a machine's pace changes within a minute.
        times = median([one / bare for one, bare in zip(used, seconds["bare boto3"], strict=True)])
        report.add(worker=name, ms=median(used) * 1000, x_bare_boto3=times, as_unpacked_ms=unpacked_ms,
                   modules=modules[name])  # fmt: skip
        if name in PROGRAMS:
            most = MOST_TIMES_API if name == "api" else MOST_TIMES
            report.expect(f"{name} ≤ {most} x bare boto3: {times:.2f}", met=times <= most)
    report.remark("ms: every module has its bytecode; as unpacked: from zip and layer where nothing can be written,")
    report.remark("so that the zip's own modules are compiled anew (the layer brings its bytecode along)")
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
