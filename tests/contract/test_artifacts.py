"""What is deployed is whole: one pinned layer and the own code, compiled for the stage's Python and architecture, the
same bytes wherever they are built, and all that a function needs."""

import ast
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any, get_args

import botocore.session
import pytest

from bench.cold_start import Packages, measured, start
from infra import bytecode
from infra.archive import Artifact
from infra.bytecode import compiled_zip
from infra.package import app_zip, workers_zip
from infra.paths import ROOT
from infra.runtimes import Runtime, interpreter
from infra.stage_config import Architecture, PythonVersion
from layers.botocore_data import SERVICES
from layers.build import build_layer, installed
from tests.processes import forget_everything

ARCHITECTURES = get_args(Architecture)
_MACHINES = {0x3E: "x86_64", 0xB7: "arm64"}  # ELF's numbers
_WHEELS = {"x86_64": "x86_64", "arm64": "aarch64"}


@pytest.fixture
def production() -> Runtime:
    """What production runs on; this machine needs its Python to compile for it."""
    runtime = Runtime()
    if interpreter(runtime.python) is None:
        pytest.skip(f"no Python {runtime.python} here: install it (pyenv, uv python install, the system's packages)")
    return runtime


def names_of(artifact: Artifact) -> set[str]:
    with zipfile.ZipFile(artifact.path) as archive:
        return set(archive.namelist())


def uncompiled(artifact: Artifact, python: str) -> set[str]:
    """The modules without bytecode for that Python."""
    names = names_of(artifact)
    wanted = {
        name: f"{folder}__pycache__/{module}.cpython-{python.replace('.', '')}.pyc"
        for name in names
        if name.endswith(".py")
        for folder, module in [(name[: name.rfind("/") + 1], name[name.rfind("/") + 1 : -3])]
    }
    assert len(wanted) > 50
    return {name for name, compiled in wanted.items() if compiled not in names}


def test_every_python_that_a_stage_may_name_is_one_that_lambda_has() -> None:
    lambdas: Any = botocore.session.get_session().get_service_model("lambda")
    assert {f"python{python}" for python in get_args(PythonVersion)} <= set(lambdas.shape_for("Runtime").enum)
    assert set(ARCHITECTURES) == set(lambdas.shape_for("Architecture").enum)


def test_every_module_that_is_deployed_brings_its_bytecode(production: Runtime) -> None:
    for artifact in (workers_zip(production), app_zip(production), build_layer(production)):
        assert uncompiled(artifact, production.python) == set()


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_every_compiled_file_of_the_layer_is_for_the_architecture_of_the_stage(architecture: str) -> None:
    runtime = Runtime(architecture=architecture)
    with zipfile.ZipFile(build_layer(runtime).path) as archive:
        compiled = [name for name in archive.namelist() if name.endswith(".so")]
        machines = {int.from_bytes(archive.read(name)[18:20], "little") for name in compiled}  # ELF: e_machine
    assert {_MACHINES[machine] for machine in machines} == {architecture}
    of_python = f"cpython-{runtime.python.replace('.', '')}-{_WHEELS[architecture]}"
    assert all(of_python in name for name in compiled if "cpython" in name)


def test_both_architectures_get_the_same_modules(production: Runtime) -> None:
    of_one, of_other = (
        {
            name
            for name in names_of(build_layer(production._replace(architecture=one)))
            if name.endswith((".py", ".pyc"))
        }
        for one in ARCHITECTURES
    )
    assert of_one == of_other


def test_the_layer_is_the_same_bytes_wherever_it_is_built(tmp_path: Path) -> None:
    assert build_layer(into=tmp_path / "elsewhere").digest == build_layer().digest


def test_the_own_code_is_the_same_bytes_wherever_it_is_built(tmp_path: Path) -> None:
    files = [(path.relative_to(ROOT).as_posix(), path) for path in (ROOT / "chalicelib" / "security").glob("*.py")]
    digests = {compiled_zip(tmp_path / f"{n}.zip", files, runtime=Runtime()).digest for n in ("one", "another")}
    assert len(digests) == 1


def test_the_layer_has_every_locked_package_and_leaves_none_to_the_runtime() -> None:
    lock = (ROOT / "requirements.txt").read_text().splitlines()
    # tzdata: on Windows alone
    pinned = {line.split(" ")[0] for line in lock if line[:1].isalpha() and "win32" not in line}
    pinned = {one for one in pinned if not one.startswith("pillow")}  # in the layer of pictures
    there = {name.split("/")[1] for name in names_of(build_layer()) if name.split("/")[1].endswith(".dist-info")}
    assert {f"{one.replace('-', '_').replace('==', '-')}.dist-info" for one in pinned} == there


def services_asked_for() -> set[str]:
    """Those that our code makes a client of; PynamoDB makes DynamoDB's."""
    paths = [path for folder in ("chalicelib", "functions") for path in (ROOT / folder).rglob("*.py")]
    calls = [node for path in paths for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    made = [call for call in calls if getattr(call.func, "attr", "") in ("create_client", "client")]
    asked = [
        call.args[0] for call in made if not isinstance(call.args[0], ast.Starred)
    ]  # passed on: chalicelib/aws_session.py
    return {ast.literal_eval(one) for one in asked} | {"dynamodb"}


def test_the_layer_knows_the_services_that_the_code_asks_for_and_no_others() -> None:
    assert services_asked_for() == SERVICES
    models = {name.split("/")[3] for name in names_of(build_layer()) if name.startswith("python/botocore/data/")}
    assert {name for name in models if "." not in name} == SERVICES


_ADDRESSES = """
import json, sys, botocore.session
made, session = {}, botocore.session.get_session()
for region in ("eu-central-1", "us-east-1", "eu-south-2", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"):
    for service in sys.argv[2:]:
        client = session.create_client(service, region_name=region)
        operations = client.meta.service_model.operation_names
        signed = client.meta.service_model.signing_name
        made[f"{service} in {region}"] = (client.meta.endpoint_url, signed, len(operations), client.meta.partition)
print(json.dumps(made))
"""


def test_the_slimmed_data_of_botocore_say_the_same_as_the_whole(tmp_path: Path) -> None:
    layer = build_layer()
    with zipfile.ZipFile(layer.path) as archive:
        archive.extractall(tmp_path)
    slimmed, whole = (
        subprocess.run(
            [sys.executable, "-B", "-c", _ADDRESSES, "x", *sorted(SERVICES)],
            env={"PYTHONPATH": str(place), "AWS_ACCESS_KEY_ID": "x", "AWS_SECRET_ACCESS_KEY": "x"},
            capture_output=True, text=True, check=True,
        ).stdout
        for place in (tmp_path / "python", installed(layer))
    )  # fmt: skip
    assert json.loads(slimmed) == json.loads(whole)
    assert len(json.loads(slimmed)) == 6 * len(SERVICES)


def test_the_zips_and_the_layer_are_all_that_a_function_needs(tmp_path: Path) -> None:
    """Starts every function in a Python that sees the packages alone, to its first client; the API answers a call."""
    runtime = measured()
    python = interpreter(runtime.python)
    assert python
    packages = Packages(tmp_path, runtime)
    for program, paths in packages.starts().values():
        start(program, paths, python=python)
    clients = f"import botocore.session as b\ns = b.get_session()\nfor one in {sorted(SERVICES)}: s.create_client(one)"
    start(clients, [packages.layer], python=python)


def test_where_no_python_of_the_stage_is_at_hand_the_sources_are_shipped_and_it_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bytecode, "interpreter", lambda _python: None)
    forget_everything()
    artifact = compiled_zip(tmp_path / "some.zip", [("app.py", ROOT / "app.py")], runtime=Runtime())
    assert names_of(artifact) == {"app.py"}
    assert "no Python 3.13 is on this machine" in capsys.readouterr().err

    monkeypatch.undo()  # one has been installed: what was made without it is made again
    if interpreter("3.13"):
        assert len(names_of(compiled_zip(tmp_path / "some.zip", [("app.py", ROOT / "app.py")], runtime=Runtime()))) == 2
