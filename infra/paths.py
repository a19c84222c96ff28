"""Where things lie in a checkout. Everything under `infra` and `layers` uses it."""

from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
TEMPLATE = ROOT / "infra" / "template.yaml"
