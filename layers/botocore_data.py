"""botocore's data for the services that the functions call, without documentation: 1 MB of 27 is left, and models and
endpoints load in half the time (ADR 0028)."""

import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

# A test compares them with the code.
SERVICES = frozenset(
    ["apigatewaymanagementapi", "dynamodb", "lambda", "s3", "sesv2", "sns", "socialmessaging", "sqs", "ssm", "sts"]
)
_NEVER_READ = ("examples-", "completions-", "waiters-")


def slim(data: Path, into: Path) -> None:
    """Writes a slim copy of `data`, botocore's folder of that name; the same bytes each time."""
    for path in _wanted(data):
        target = into / path.relative_to(data)
        target.parent.mkdir(parents=True, exist_ok=True)
        if path.name == "endpoints.json":
            target.write_text(_written(_known(json.loads(path.read_text()), _prefixes(data))))
        elif path.name.startswith("service-") and path.suffix == ".gz":
            model = _undocumented(json.loads(gzip.decompress(path.read_bytes())))
            _compress(_written(model).encode(), target)
        else:
            target.write_bytes(path.read_bytes())


def _compress(text: bytes, target: Path) -> None:
    """The same bytes on every Python: the system field that `gzip.compress` writes differs between 3.11 and 3.13."""
    with target.open("wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, mtime=0) as packed:
        packed.write(text)


def _wanted(data: Path) -> Iterator[Path]:
    yield from data.glob("*.json*")
    for service in SERVICES:
        yield from (path for path in (data / service).rglob("*.json*") if not path.name.startswith(_NEVER_READ))


def _prefixes(data: Path) -> frozenset[str]:
    """What the endpoint table calls them: SES is `email`."""
    models = [
        json.loads(gzip.decompress(one.read_bytes()))
        for name in SERVICES
        for one in data.glob(f"{name}/*/service-2*gz")
    ]
    return SERVICES | {str(model["metadata"]["endpointPrefix"]) for model in models}


def _known(endpoints: dict[str, Any], names: frozenset[str]) -> dict[str, Any]:
    for partition in endpoints["partitions"]:
        partition["services"] = {name: said for name, said in partition["services"].items() if name in names}
    return endpoints


def _undocumented(node: Any) -> Any:
    if isinstance(node, dict):  # a shape may have a member of that name, which is not documentation
        texts = {name for name, value in node.items() if name == "documentation" and isinstance(value, str)}
        return {name: _undocumented(value) for name, value in node.items() if name not in texts}
    return [_undocumented(one) for one in node] if isinstance(node, list) else node


def _written(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
