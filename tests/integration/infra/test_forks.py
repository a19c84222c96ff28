"""Workers of the emulator that are split off one Python: to the emulator, and to whoever kills them, processes as any
other."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from pathlib import Path
from textwrap import dedent
from threading import Barrier

import pytest

from infra.local.forks import Forked, SharedCode

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every worker is a new Python")

WORKERS = 6
ECHO = """
    import json, os, sys
    import shown
    told = [os.getcwd(), dict(os.environ), sys.argv, sys.path[:2], shown.__file__, "infra" in sys.modules,
            "chalicelib.shelf" in sys.modules]
    print(json.dumps(told), flush=True)
    for line in sys.stdin:
        print("heard", line, end="", flush=True)
    print("bye", file=sys.stderr)
"""


@pytest.fixture(scope="module")
def script(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A worker that tells how it began, and then repeats what it is told."""
    tmp_path = tmp_path_factory.mktemp("worker")
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "shown.py").touch()
    (tmp_path / "own" / "chalicelib").mkdir()
    (tmp_path / "own" / "chalicelib" / "shelf.py").touch()
    (tmp_path / "own" / "chalicelib" / "broken.py").write_text("1 / 0")
    (tmp_path / "worker.py").write_text(dedent(ECHO))
    return tmp_path / "worker.py"


@pytest.fixture
def begin(script: Path) -> Iterator[Callable[[], Forked]]:
    """Makes such workers, and ends them."""
    own = str(script.parent / "own")
    with ExitStack() as ends:

        def made() -> Forked:
            worker = Forked([sys.executable, str(script)], cwd=own, env={"WORD": "of its own", "PYTHONPATH": own})
            ends.callback(worker.kill)
            for stream in (worker.stdin, worker.stdout, worker.stderr):
                ends.callback(suppressed(stream.close))
            return worker

        yield made


def suppressed(close: Callable[[], None]) -> Callable[[], None]:
    """Closing what leads to a process that is gone."""

    def quietly() -> None:
        with suppress(BrokenPipeError):
            close()

    return quietly


def test_a_forked_worker_begins_as_a_new_python_would(script: Path, begin: Callable[[], Forked]) -> None:
    worker = begin()
    cwd, environment, argv, path, module, knows_us, knows_service = json.loads(worker.stdout.readline())
    own = str(script.parent / "own")
    assert (cwd, argv, path) == (own, [str(script)], [str(script.parent), own])
    assert environment["WORD"] == "of its own"
    assert environment.keys() <= {"WORD", "PYTHONPATH", "LC_CTYPE"}
    assert module == f"{own}/shown.py"
    assert (knows_us, knows_service) == (False, True)
    worker.stdin.write("a line\n")
    assert worker.stdout.readline() == "heard a line\n"
    worker.stdin.close()
    assert worker.wait(60) == 0
    assert worker.stderr.read() == "bye\n"


@pytest.mark.parametrize("end", [Forked.kill, Forked.terminate, lambda worker: os.kill(worker.pid, signal.SIGKILL)])
def test_a_forked_worker_dies_of_a_signal_in_the_middle_of_its_work(
    begin: Callable[[], Forked], end: Callable[[Forked], None]
) -> None:
    worker = begin()
    worker.stdout.readline()
    assert worker.poll() is None
    with pytest.raises(subprocess.TimeoutExpired):
        worker.wait(0.01)
    end(worker)
    worker.wait(60)
    assert worker.poll() is not None
    assert worker.stdout.read() == worker.stderr.read() == ""
    worker.kill()  # of one that is gone: nothing


def test_the_others_live_on_when_the_fork_server_dies_and_the_next_has_a_new_one(
    begin: Callable[[], Forked],
) -> None:
    first = begin()
    first.stdout.readline()
    process = list(Forked.servers.values())[-1].process
    assert process is not None
    process.kill()
    process.wait()
    second = begin()
    for worker in (first, second):
        worker.stdin.write("still here\n")
    second.stdout.readline()
    assert [worker.stdout.readline() for worker in (first, second)] == ["heard still here\n"] * 2


def test_the_same_code_lies_in_one_place_with_its_bytecode(tmp_path: Path) -> None:
    zipped = tmp_path / "code.zip"
    with zipfile.ZipFile(zipped, "w") as archive:
        archive.writestr("shop/__init__.py", "")
        archive.writestr("shop/till.py", "NAME = __file__")
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
        with SharedCode(zipped) as code:
            code.extractall(folder)
        said = subprocess.run(
            [sys.executable, "-c", "import shop.till; print(shop.till.NAME)"],
            cwd=folder, env={}, capture_output=True, text=True, check=True,
        )  # fmt: skip
        assert said.stdout == f"{folder}/shop/till.py\n"
    assert len({(folder / "shop").resolve() for folder in folders}) == 1
    assert list((folders[1] / "shop" / "__pycache__").glob("till.*.pyc"))


def test_workers_that_start_at_once_each_find_all_of_their_code(tmp_path: Path) -> None:
    names = {f"part_{n}.py" for n in range(400)}
    package, together = tmp_path / "code.zip", Barrier(WORKERS)
    with zipfile.ZipFile(package, "w") as archive:
        for name in names:
            archive.writestr(name, f"NAME = {name!r}")

    def found(n: int) -> set[str]:
        place = tmp_path / str(n)
        place.mkdir()
        with SharedCode(package) as code:
            together.wait()
            code.extractall(place)
        return {one.name for one in place.iterdir() if one.is_file()}

    with ThreadPoolExecutor(WORKERS) as pool:
        seen = list(pool.map(found, range(WORKERS)))
    assert [names - one for one in seen] == [set()] * WORKERS
