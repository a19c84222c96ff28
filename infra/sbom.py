"""What a release is made of, as a software bill of materials in CycloneDX: the artifacts with their digests, the
packages of the layer with their licenses, and what the app carries of other packages. The same sources give the same
bytes.

python -m infra.sbom --stage prod        # build/sbom.json; run by `make sbom` and `make package`
"""

import argparse
import json
import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageMetadata, metadata
from pathlib import Path
from typing import Any

from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from packaging.utils import canonicalize_name

from infra.archive import Artifact
from infra.assets import ASSETS
from infra.package import artifacts
from infra.paths import BUILD, ROOT
from infra.runtimes import runtime_of
from infra.stages import require_fit, stage_names
from layers.build import installed

SBOM = BUILD / "sbom.json"

Component = dict[str, Any]


def write_sbom(made: Sequence[Artifact], *, packages: Path, into: Path = SBOM) -> Path:
    """Of the artifacts `made`; `packages` is the folder that their layer was made of. Raises:
    subprocess.CalledProcessError, ValueError (permanent): it is no CycloneDX."""
    found = _cyclonedx("environment", "-S", sys.executable, sees=packages)
    locked = {_name(one): one for one in _cyclonedx("requirements", str(ROOT / "requirements.txt"))["components"]}
    for one in found["components"]:
        # The tool reads licenses where a package is installed, and hashes where it is locked.
        one["externalReferences"] = [*one.get("externalReferences", []), *_distributions(locked.get(_name(one), {}))]
    found["components"] += [*_files(made), *_carried()]
    found["metadata"]["component"] = {"type": "application", "name": "vestnik", "bom-ref": "vestnik"}
    text = json.dumps(found, indent=2, sort_keys=True)
    if error := JsonStrictValidator(SchemaVersion.V1_6).validate_str(text):
        raise ValueError(f"the bill of materials is no CycloneDX: {error}")
    into.parent.mkdir(parents=True, exist_ok=True)
    into.write_text(text + "\n")
    return into


def _name(component: Component) -> str:
    return canonicalize_name(component["name"])


def _cyclonedx(*arguments: str, sees: Path | None = None) -> dict[str, Any]:
    """`sees` is all that the Python in `arguments` may import; the tool itself (-E) keeps to our environment. What it
    says is validated once, when all is together."""
    command = [sys.executable, "-E", "-m", "cyclonedx_py", *arguments, "--output-reproducible", "--spec-version", "1.6"]
    command += ["--no-validate"]
    environment = {**os.environ, **({"PYTHONPATH": str(sees)} if sees else {})}
    folder = sees or ROOT  # what lies where Python is started is seen too
    done = subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def _distributions(locked: Mapping[str, Any]) -> Iterator[Component]:
    return (one for one in locked.get("externalReferences", []) if one["type"] == "distribution")


def _files(made: Sequence[Artifact]) -> Iterator[Component]:
    for one in made:
        hashes = [{"alg": "SHA-256", "content": one.digest}]
        yield {"type": "file", "name": one.path.name, "bom-ref": one.path.name, "hashes": hashes}


def _carried() -> Iterable[Component]:
    """The packages that files of the app come out of: those of `assets.py`, and Chalice, which is in the app's zip."""
    inside = {name: ", ".join(a.target.name for a in ASSETS if a.package == name) for name in _packages()}
    for name, files in {**inside, "chalice": "chalice/__init__.py, chalice/app.py"}.items():
        told = metadata(name.replace("_", "-"))
        spelled = canonicalize_name(told["Name"])
        yield {
            "type": "library",
            "name": spelled,
            "version": told["Version"],
            "bom-ref": f"{spelled}=={told['Version']}",
            "purl": f"pkg:pypi/{spelled}@{told['Version']}",
            "description": f"Of it is deployed: {files}",
            "licenses": _licenses(told),
        }


def _packages() -> list[str]:
    return list(dict.fromkeys(one.package for one in ASSETS))


def _licenses(told: PackageMetadata) -> list[Component]:
    names = [told[key] for key in ("License-Expression", "License") if key in told]
    return [{"license": {"name": name}} for name in names[:1]]


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Write down what is deployed.")
    parser.add_argument("--stage", default="dev", choices=stage_names())
    stage: str = parser.parse_args(arguments).stage
    require_fit(stage)
    made = artifacts(runtime_of(stage))
    written = write_sbom(made, packages=installed(made.layer))
    print(f"{written.relative_to(ROOT)}  {len(json.loads(written.read_text())['components'])} components")


if __name__ == "__main__":
    main()
