"""What is deployed stays small, and a worker imports what it uses: counts, for CI. `bench/` measures the times."""

import json
import subprocess
import sys

import pytest

from bench.cold_start import PROGRAMS
from bench.fanout import ENVIRONMENT
from bench.packages import MOST_LAYER_BYTES, MOST_ZIP_BYTES
from infra.package import workers_zip
from infra.paths import ROOT
from infra.runtimes import DEFAULT
from layers.build import build_layer, shares

WORKERS = sorted(set(PROGRAMS) - {"api"})
# Bare boto3 with three clients imports about 390; pydantic, Powertools, PynamoDB 110; Python 3.13 two more than 3.11.
MOST_MODULES = 600 + 2 * (sys.version_info >= (3, 13))
# What only some may import: each costs a cold start.
ONLY = {
    "boto3": set[str](),
    "requests": set[str](),
    "jinja2": {"deliver", "public_pages"},
    "chalicelib.pipeline.deliver": {"deliver"},
    "chalicelib.pipeline.enrich": {"enrich"},
    "chalicelib.pipeline.feedback": {"feedback"},
    "chalicelib.campaigns.fanout": {"fanout", "load"},
    "chalicelib.live.chat_room": {"live"},
    "chalicelib.api": set[str](),
    "chalicelib.admin": set[str](),
    "chalicelib.public": {"public_pages"},
}


def imported(worker: str) -> set[str]:
    """The modules of a worker process with its first clients."""
    program = PROGRAMS[worker] + "\nimport json, sys; print(json.dumps(sorted(sys.modules)))"
    answer = subprocess.run(
        [sys.executable, "-c", program], env=dict(ENVIRONMENT), cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(json.loads(answer.stdout))


@pytest.mark.parametrize("worker", WORKERS)
def test_a_worker_imports_what_it_uses_and_no_more(worker: str) -> None:
    modules = imported(worker)
    assert {name for name, users in ONLY.items() if name in modules and worker not in users} == set()
    assert len(modules) <= MOST_MODULES


def test_the_packages_stay_small() -> None:
    assert workers_zip(DEFAULT).path.stat().st_size <= MOST_ZIP_BYTES
    assert shares(build_layer()).total() <= MOST_LAYER_BYTES
