"""How long a function takes from nothing to its first clients, as it is packaged, beside bare boto3 with clients of
SES, SQS and DynamoDB.

Each is a Python process, of production's version where there is one, that sees what Lambda sees: the unpacked zip and
layer, where nothing can be written. The API also answers a first call; `managers_page` is its process when that is a
page. Bare boto3 is the locked one, compiled too. CPU time, so that a busy machine counts less. `modules` are those that
it has imported in the end.

    python -m bench.cold_start [--runs 7]
"""

import argparse
import os
import subprocess
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench.fanout import ENVIRONMENT
from bench.harness import Report, median
from infra.archive import Artifact, tree
from infra.bytecode import compiled_zip
from infra.package import app_zip, workers_zip
from infra.paths import BUILD, ROOT
from infra.runtimes import DEFAULT, Runtime, interpreter, this_machines
from layers.build import build_layer, installed

MOST_TIMES = 1.35  # bare boto3
MOST_TIMES_OF_THE_APP = {"api": 1.5, "managers_page": 2.0, "public_pages": 1.5, "websocket": 1.2}
STARTED = {**ENVIRONMENT, "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}  # as Lambda says where it keeps no snapshot
_BARE = "import boto3\nfor service in ('sesv2', 'sqs', 'dynamodb'): boto3.client(service)"
_BOTO3 = ("boto3", "botocore", "s3transfer", "jmespath", "urllib3", "dateutil", "six.py")
_TABLES = "\nfrom chalicelib.storage.dynamodb import dynamodb; dynamodb().client"
_QUEUES = "\nstage().sqs"
_PARAMETERS = "\nstage().ssm"


def _call(path: str) -> dict[str, Any]:
    """A GET as API Gateway writes it (AWS: "Input format of a Lambda function for proxy integration")."""
    return {
        **dict.fromkeys(("pathParameters", "stageVariables", "multiValueQueryStringParameters", "body")),
        **dict.fromkeys(("resource", "path"), path),
        "headers": {},
        "multiValueHeaders": {},
        "requestContext": {"resourcePath": path, "httpMethod": "GET"},
        "isBase64Encoded": False,
    }


# What the first message makes each of them make.
PROGRAMS: Mapping[str, str] = {
    "deliver": "import functions.deliver\nfrom chalicelib.stage.workers import stage; stage().deliver" + _TABLES,
    "enrich": "import functions.enrich\nfrom chalicelib.stage.workers import stage; stage().enrich" + _TABLES + _QUEUES,
    "feedback": "import functions.feedback\nfrom chalicelib.stage.workers import stage; stage().feedback" + _TABLES,
    "fanout": "import functions.fanout\nfrom chalicelib.stage.workers import stage; stage().fanout" + _TABLES + _QUEUES,
    "retry": "import functions.retry\nfrom chalicelib.stage.workers import stage; stage().reconcile"
    + _TABLES
    + _QUEUES,
    "load": "import functions.load\nfrom chalicelib.stage.workers import stage; stage().list_loader" + _TABLES,
    "live": "import functions.live\nfrom chalicelib.stage.workers import stage; stage().greet" + _TABLES,
    "tick": "import functions.tick\nfrom chalicelib.stage.workers import stage; stage().accept\n"
    "stage().generator" + _TABLES + _QUEUES,
    "api": f"import app\napp.app({_call('/healthz')}, None)\nfrom chalicelib.stage.app import stage"
    + _TABLES
    + _QUEUES,
    "managers_page": f"import app\napp.app({_call('/admin')}, None)" + _TABLES,
    "websocket": "import os; os.environ['_HANDLER'] = 'app.on_connect'\nimport app\n"
    "from chalicelib.stage.app import stage; stage().handshake" + _TABLES,
    "public_pages": "from chalicelib.public.standalone_app import public_pages\n"
    "from chalicelib.stage.app import stage; stage().link_visits; stage().unsubscribe" + _TABLES + _PARAMETERS,
}
_NAIVE = "import naive_handler"
_TIMED = """
import sys, time
sys.path[:0] = {paths!r}
before = time.process_time()
{program}
print(time.process_time() - before, len(sys.modules))
"""


def measured() -> Runtime:
    """Production's runtime where this machine has its Python, else this machine's."""
    return DEFAULT if DEFAULT.is_here and interpreter(DEFAULT.python) else this_machines()


def start(program: str, paths: Sequence[str], *, python: Path) -> tuple[float, int]:
    """CPU seconds and modules of one start. Raises: subprocess.CalledProcessError."""
    known = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    naive = {"LETTER": "{}", "IDEMPOTENCY_TABLE": "i", "USERS_TABLE": "users", "HISTORY_TABLE": "history"}
    answer = subprocess.run(
        [python, "-I", "-B", "-c", _TIMED.format(paths=list(paths), program=program)],
        capture_output=True, check=True, text=True, cwd="/",
        env={**known, **STARTED, **naive, "MAIL_FROM": "a@b.example"},
    )  # fmt: skip
    seconds, modules = answer.stdout.splitlines()[-1].split()
    return float(seconds), int(modules)


class Packages:
    """What is packaged, each unpacked in a folder of its own."""

    def __init__(self, folder: Path, runtime: Runtime) -> None:
        self._folder = folder
        layer = build_layer(runtime)
        naive = [("naive_handler.py", ROOT / "bench" / "rivals" / "naive_handler.py")]
        self.layer = f"{self._unpacked('layer', layer)}/python"
        self.workers = self._unpacked("workers", workers_zip(runtime))
        self.app = self._unpacked("app", app_zip(runtime))
        self.naive = self._unpacked("naive", compiled_zip(BUILD / "bench" / "naive.zip", naive, runtime=runtime))
        files = [file for name in _BOTO3 for file in _whole(installed(layer), name)]
        self.boto3 = self._unpacked("boto3", compiled_zip(BUILD / "bench" / "boto3.zip", files, runtime=runtime))

    def _unpacked(self, name: str, artifact: Artifact) -> str:
        place = self._folder / name
        with zipfile.ZipFile(artifact.path) as archive:
            archive.extractall(place)
        return str(place)

    def starts(self) -> Mapping[str, tuple[str, Sequence[str]]]:
        """Every program and where it looks for modules."""
        ours = {
            name: (program, (self.app if name in MOST_TIMES_OF_THE_APP else self.workers, self.layer))
            for name, program in PROGRAMS.items()
        }
        return {"bare boto3": (_BARE, (self.boto3,)), **ours, "naive handler": (_NAIVE, (self.naive, self.layer))}


def _whole(place: Path, name: str) -> list[tuple[str, Path]]:
    return [(name, place / name)] if (place / name).is_file() else list(tree(place, name))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    runtime = measured()
    python = interpreter(runtime.python)
    assert python
    report = Report("cold_start", "Cold starts, as packaged", ("function", "ms", "x bare boto3", "modules"))
    seconds: dict[str, list[float]] = {}
    modules: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        starts = Packages(Path(folder), runtime).starts()
        for _ in range(runs):
            for name, (program, paths) in starts.items():
                once, modules[name] = start(program, paths, python=python)
                seconds.setdefault(name, []).append(once)
    for name, used in seconds.items():
        # Each beside the bare start of its own round: a machine's pace changes within a minute.
        times = median([one / bare for one, bare in zip(used, seconds["bare boto3"], strict=True)])
        report.add(function=name, ms=median(used) * 1000, x_bare_boto3=times, modules=modules[name])
        if name in PROGRAMS:
            most = MOST_TIMES_OF_THE_APP.get(name, MOST_TIMES)
            report.expect(f"{name} ≤ {most} x bare boto3: {times:.2f}", met=times <= most)
    report.remark(f"by {runtime.name}, out of the zips and the layer; the API answers its first call too")
    return report.publish()


if __name__ == "__main__":
    raise SystemExit(main())
