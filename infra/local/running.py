"""The local cloud that runs, as an object."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from infra.local.children import Ports
from infra.local.cloud import LocalCloud
from infra.paths import BUILD


def running_cloud(local: Mapping[str, Any]) -> LocalCloud:
    """The one whose addresses these are (`tools.local_cloud`); it is neither started nor stopped here."""
    ports = Ports(*(urlsplit(local[name]).port or 0 for name in ("emulator_url", "mailbox_url")))
    return LocalCloud(ports, state_dir=BUILD / "state" / str(ports.emulator), logs_dir=BUILD / "logs")
