"""The Chalice app's template as its own packager makes it, written out in plain CloudFormation. `app_template.py` makes
the app's stack of it. The zip is `package.py`'s.

The app is packaged in a folder of its own with an empty `requirements.txt`: what Chalice would put into the zip is not
used."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from infra.archive import alone, digest_of, tree
from infra.config_mistakes import CONFIG
from infra.paths import BUILD, ROOT
from infra.template_build import without_sam


class PackagingError(RuntimeError):
    """Chalice cannot package this checkout; the message is what it said."""


def packaged_template(stage: str) -> dict[str, Any]:
    """Of this checkout, made again only if a source has changed. Raises: PackagingError."""
    out = BUILD / f"chalice-{stage}"
    with alone(out):
        sources = list(_sources())
        wanted = digest_of(sources, stage, digest_of([("self", Path(__file__))]))
        stamp = out / "inputs.sha256"
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(out, ignore_errors=True)
            _package(stage, out, sources)
            stamp.write_text(wanted)
        template: dict[str, Any] = json.loads((out / "plain.json").read_text())
        return template


def _sources() -> Iterable[tuple[str, Path]]:
    yield "app.py", ROOT / "app.py"
    for folder in ("chalicelib", ".chalice", "vendor"):
        yield from tree(ROOT, folder, without=[".chalice/deployed", ".chalice/deployments"])
    for name, path in tree(ROOT, "templates"):  # what vendor/ links to
        yield f"vendor/{name}", path


def _package(stage: str, out: Path, sources: Iterable[tuple[str, Path]]) -> None:
    project = out / "project"
    for name, path in sources:
        target = project / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    (project / "requirements.txt").touch()
    (project / ".chalice" / "config.json").write_text(json.dumps(_config(stage)))
    chalice = Path(sys.executable).with_name("chalice")
    done = subprocess.run(
        [chalice, "--project-dir", project, "package", "--stage", stage, "--template-format", "json", out / "packaged"],
        check=False,
        capture_output=True,
        text=True,
        env=_environment(),
    )
    if done.returncode:
        raise PackagingError(f"the app could not be packaged:\n{(done.stderr or done.stdout).strip()[-2000:]}")
    (out / "plain.json").write_text(json.dumps(_plain(json.loads((out / "packaged" / "sam.json").read_text()))))


def _plain(packaged: dict[str, Any]) -> dict[str, Any]:
    for resource in packaged["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = "s3://known/later"  # SAM takes no path of this machine
    return without_sam(packaged)


def _config(stage: str) -> dict[str, Any]:
    """Chalice's own layer serves `chalice deploy` only and is not part of this template."""
    config: dict[str, Any] = json.loads(CONFIG.read_text())
    config["stages"][stage]["automatic_layer"] = False
    return config


def _environment() -> dict[str, str]:
    """Chalice needs a region, though the template names none; the user's own AWS profiles and files, which may be
    broken, are hidden from it."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**others, **files, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}
