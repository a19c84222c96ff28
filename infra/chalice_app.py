"""The Chalice app as a CloudFormation template and a zip, for the local cloud: `chalice deploy` needs `ImportRestApi`,
which the emulator lacks (docs/decisions.md). On AWS `deploy.py` runs `chalice deploy` itself.

The app is packaged in a folder of its own with an empty `requirements.txt`: the emulator runs functions by the Python
of this environment, which has the locked packages, as Lambda has its layer.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chalicelib.public.registered import PUBLIC_ROUTES
from infra.archive import Artifact, digest_of, tree, write_zip
from infra.paths import BUILD, ROOT
from infra.stages import PAGES
from infra.variables import conditions, parameters, references


@dataclass(frozen=True)
class PackagedApp:
    """`template` takes a parameter of every variable, ArtifactBucket and AppKey."""

    template: str
    code: Artifact


def api_id(stage: str) -> str:
    """The REST API's id on the emulator, pinned so that its address is known before it is deployed."""
    return f"vestnik-{stage}-api"


def live_api_id(stage: str) -> str:
    """The WebSocket API's id on the emulator, pinned likewise."""
    return f"vestnik-{stage}-live"


def package_app(stage: str) -> PackagedApp:
    """The app of this checkout, packaged anew only when a source has changed. Raises: subprocess.CalledProcessError."""
    out = BUILD / f"chalice-{stage}"
    sources = list(_sources())
    wanted = digest_of(sources, stage, json.dumps(_merged(stage)), digest_of([("self", Path(__file__))]))
    stamp = out / "inputs.sha256"
    if not (stamp.exists() and stamp.read_text() == wanted):
        shutil.rmtree(out, ignore_errors=True)
        _package(stage, out, sources)
        stamp.write_text(wanted)
    packaged = out / "packaged"
    code = out / "unpacked"
    return PackagedApp((packaged / "sam.json").read_text(), write_zip(out / "app.zip", tree(code, ".")))


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
    (out / "merge.json").write_text(json.dumps(_merged(stage)))
    chalice = Path(sys.executable).with_name("chalice")
    merge = ["--merge-template", str(out / "merge.json"), "--template-format", "json"]
    subprocess.run(
        [chalice, "--project-dir", project, "package", "--stage", stage, *merge, out / "packaged"],
        check=True,
        capture_output=True,
        env=_environment(),
    )
    _adapt(out / "packaged" / "sam.json")
    shutil.unpack_archive(out / "packaged" / "deployment.zip", out / "unpacked")


def _environment() -> dict[str, str]:
    """Chalice asks for a region, though the template names none; the profiles, files and machine of the user's own AWS,
    which may be broken, are kept from it."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    files = dict.fromkeys(("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"), os.devnull)
    return {**others, **files, "AWS_DEFAULT_REGION": "us-east-1", "AWS_EC2_METADATA_DISABLED": "true"}


def _merged(stage: str) -> dict[str, Any]:
    """What is laid over Chalice's own template: what is known only when it is deployed, and the pinned ids."""
    code = {"Bucket": {"Ref": "ArtifactBucket"}, "Key": {"Ref": "AppKey"}}
    names = {  # as `chalice deploy` calls them
        "APIHandler": f"vestnik-{stage}",
        "PublicPages": f"vestnik-{stage}-{PAGES}",
        "WebsocketConnect": f"vestnik-{stage}-websocket_connect",
        "WebsocketMessage": f"vestnik-{stage}-websocket_message",
        "WebsocketDisconnect": f"vestnik-{stage}-websocket_disconnect",
    }
    common = {"CodeUri": code, "Environment": {"Variables": references()}}
    functions = {one: {"Properties": {**common, "FunctionName": name}} for one, name in names.items()}
    return {
        "Parameters": {**parameters(), **{name: {"Type": "String"} for name in ("ArtifactBucket", "AppKey")}},
        "Conditions": conditions(),
        "Resources": {
            **functions,
            "PublicPagesPermission": {
                "Type": "AWS::Lambda::Permission",
                "Properties": {
                    "FunctionName": {"Ref": "PublicPages"},
                    "Action": "lambda:InvokeFunction",
                    "Principal": "apigateway.amazonaws.com",
                },
            },
            # SAM tags only the API's stage unless asked to propagate; the emulator reads the tag of the API itself.
            "RestAPI": {"Properties": {"PropagateTags": True, "Tags": {"ms-custom-id": api_id(stage)}}},
            "WebsocketAPI": {"Properties": {"Tags": {"ms-custom-id": live_api_id(stage)}}},
            "WebsocketAPIStage": {"Properties": {"AutoDeploy": True}},
        },
    }


def _adapt(template: Path) -> None:
    """Leads the public pages to their own function, as `aftercare.py` does on AWS; and the emulator knows no
    AWS::ApiGatewayV2::Deployment: a stage that deploys itself needs none."""
    packaged: dict[str, Any] = json.loads(template.read_text())
    resources = packaged["Resources"]
    for path in PUBLIC_ROUTES:
        for method in resources["RestAPI"]["Properties"]["DefinitionBody"]["paths"][path].values():
            there = json.dumps(method["x-amazon-apigateway-integration"]["uri"]).replace("APIHandler", "PublicPages")
            method["x-amazon-apigateway-integration"]["uri"] = json.loads(there)
    del resources["WebsocketAPIDeployment"]
    del resources["WebsocketAPIStage"]["Properties"]["DeploymentId"]
    template.write_text(json.dumps(packaged, separators=(",", ":")))  # CloudFormation takes 51,200 bytes in a call
