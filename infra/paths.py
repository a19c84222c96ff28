"""Paths in a checkout."""

from importlib.util import find_spec
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TEMPLATE = ROOT / "infra" / "template.yaml"


def package_folder(name: str) -> Path:
    """The folder of an installed package. Raises: FileNotFoundError."""
    spec = find_spec(name)  # found, not imported: Django would want its settings
    if spec is None or spec.origin is None:
        raise FileNotFoundError(f"the package {name} is not installed: run `make setup`")
    return Path(spec.origin).parent
