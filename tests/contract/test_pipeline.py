"""The example of a pipeline: GitHub takes its file, its steps name what is there, and its roles are for its own
jobs alone."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.archive import Artifact, write_zip
from infra.package import Artifacts, ForeignError, artifacts_in
from infra.paths import ROOT
from infra.runtimes import Runtime

FOLDER = ROOT / "infra" / "pipeline"
WORKFLOW = FOLDER / "github-actions.yaml"
RUNTIME = Runtime("3.13", "x86_64")


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(WORKFLOW.read_text())["jobs"]
    return found


def test_github_takes_the_workflow() -> None:
    """By the schema that GitHub's editors check with (schemastore, which check-jsonschema carries)."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(WORKFLOW)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_cloudformation_takes_the_roles() -> None:
    command = [sys.executable, "-c", "from cfnlint.runner import main; main()", str(FOLDER / "roles.yaml")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_target_that_it_makes_is_in_the_makefile() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"make ([a-z]+)", WORKFLOW.read_text()))
    assert named
    assert named <= targets


def test_only_the_jobs_that_deploy_get_a_token_and_each_has_its_environment() -> None:
    for name, job in jobs().items():
        assert ("id-token" in job.get("permissions", {})) == ("environment" in job), name
    assert [name for name, job in jobs().items() if "environment" in job] == ["dev", "prod"]


def test_both_stages_get_what_was_built_once_and_look_at_its_digests_first() -> None:
    assert "make package" in json.dumps(jobs()["build"])
    for name in ("dev", "prod"):
        steps = json.dumps(jobs()[name])
        assert steps.index("sha256sum --check") < steps.index("ARTIFACTS=build/release") < steps.index("make smoke")
        assert "make package" not in steps


def test_the_role_is_for_one_environment_of_one_repository_and_beyond_the_reach_of_what_it_deploys() -> None:
    roles = (FOLDER / "roles.yaml").read_text()
    assert "sub: !Sub repo:${Repository}:environment:${Stage}" in roles
    assert "aud: sts.amazonaws.com" in roles
    assert "RoleName: !Sub deploys-vestnik-" in roles  # the deployer may change roles that begin with `vestnik-`


@pytest.fixture
def built(tmp_path: Path) -> Path:
    """What the step that builds hands to the jobs that deploy."""
    (tmp_path / "app.py").write_text("print()")
    for what in Artifacts._fields:
        write_zip(tmp_path / f"{what}-{RUNTIME}.zip", [(f"{what}.py", tmp_path / "app.py")])
    subprocess.run("sha256sum *.zip > SHA256SUMS", shell=True, cwd=tmp_path, check=True)  # noqa: S602 - the step's own words
    return tmp_path


def test_what_was_built_is_deployed_by_the_same_bytes(built: Path) -> None:
    names = [f"{what}-{RUNTIME}.zip" for what in Artifacts._fields]
    assert artifacts_in(built, RUNTIME) == tuple(Artifact.of(built / name) for name in names)


def test_a_file_that_was_changed_on_the_way_is_refused(built: Path) -> None:
    with (built / f"layer-{RUNTIME}.zip").open("ab") as file:
        file.write(b"x")
    with pytest.raises(ForeignError, match=f"layer-{RUNTIME}.zip"):
        artifacts_in(built, RUNTIME)


def test_what_is_not_there_is_named(built: Path) -> None:
    with pytest.raises(ForeignError, match=r"workers-python3\.12-arm64\.zip is not there"):
        artifacts_in(built, Runtime("3.12", "arm64"))
    (built / "SHA256SUMS").write_text("nonsense\n")
    with pytest.raises(ForeignError, match="expected lines of sha256sum"):
        artifacts_in(built, RUNTIME)
    (built / "SHA256SUMS").unlink()
    with pytest.raises(ForeignError, match="SHA256SUMS is not there"):
        artifacts_in(built, RUNTIME)
