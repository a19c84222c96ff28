"""The bill of materials: all that is deployed, with licenses and digests; the same sources give the same bytes."""

import json
import shutil
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from infra.archive import Artifact, write_zip
from infra.assets import ASSETS
from infra.sbom import write_sbom


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sbom")


@pytest.fixture(scope="module")
def packages(work: Path) -> Path:
    """Two of the layer's packages, as they are installed."""
    folder = work / "python"
    for name in ("jinja2", "email-validator"):
        found = distribution(name)
        root = Path(str(found.locate_file("")))
        for top in {file.parts[0] for file in found.files or [] if not file.parts[0].startswith("..")}:
            if (root / top).is_dir():
                shutil.copytree(root / top, folder / top)
    return folder


@pytest.fixture(scope="module")
def artifact(work: Path) -> Artifact:
    (work / "app.py").write_text("print()")
    return write_zip(work / "workers.zip", [("app.py", work / "app.py")])


@pytest.fixture(scope="module")
def bill(work: Path, packages: Path, artifact: Artifact) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(write_sbom([artifact], packages=packages, into=work / "one.json").read_text())
    return made


def component(bill: dict[str, Any], name: str) -> dict[str, Any]:
    [found] = [one for one in bill["components"] if one["name"].lower() == name]
    return dict(found)


@pytest.mark.parametrize(("name", "license_id"), [("jinja2", "BSD"), ("email-validator", "Unlicense")])
def test_a_package_of_the_layer_has_its_license_and_the_hashes_of_the_lock(
    bill: dict[str, Any], name: str, license_id: str
) -> None:
    found = component(bill, name)
    assert license_id in json.dumps(found["licenses"])
    assert found["purl"] == f"pkg:pypi/{name}@{found['version']}"
    assert "SHA-256" in json.dumps([one for one in found["externalReferences"] if one["type"] == "distribution"])


def test_what_is_uploaded_stands_in_it_by_its_digest(bill: dict[str, Any], artifact: Artifact) -> None:
    assert component(bill, "workers.zip")["hashes"] == [{"alg": "SHA-256", "content": artifact.digest}]


def test_what_the_app_carries_of_other_packages_stands_in_it(bill: dict[str, Any]) -> None:
    named = {one["name"].replace("-", "_") for one in bill["components"]}
    assert named >= {asset.package for asset in ASSETS} | {"chalice"}


def test_tools_of_this_machine_do_not(bill: dict[str, Any]) -> None:
    assert not {one["name"].lower() for one in bill["components"]} & {"pytest", "mypy", "ruff", "moto"}


def test_the_same_sources_give_the_same_bytes(work: Path, packages: Path, artifact: Artifact) -> None:
    again = write_sbom([artifact], packages=packages, into=work / "two.json").read_bytes()
    assert again == (work / "one.json").read_bytes()
