"""`make shell`: a Python prompt inside the running local cloud, with its settings, its tables and its API at hand.

python -m infra.local.shell
"""

import code
import json
import os
import sys
from pathlib import Path
from urllib.parse import urlsplit

from infra.local.cloud import LocalCloud, Ports
from infra.paths import BUILD

_HELLO = """Vestnik's local cloud. At hand:
  vestnik       the API's client: vestnik.call("GET", "/v1/users/anna")
  wiring        the parts of the service: from chalicelib.wiring import people; people.directory().get("anna")
  cloud         its addresses and its AWS: cloud.mailbox_url; cloud.account.lambdas.list_functions()
"""


def main(addresses: Path = BUILD / "local.json") -> int:
    """Talks until Ctrl-D. `addresses` is what `make run` wrote."""
    try:
        local = json.loads(addresses.read_text())
    except (OSError, ValueError):
        print("no local cloud: start one with `make run`", file=sys.stderr)
        return 1
    ports = Ports(*(urlsplit(local[name]).port or 0 for name in ("emulator_url", "mailbox_url")))
    cloud = LocalCloud(ports, state_dir=BUILD / "state" / str(ports.emulator), logs_dir=BUILD / "logs")
    os.environ.update(cloud.environment())
    from chalicelib import wiring
    from clients.python.vestnik_client import Vestnik

    names = {"vestnik": Vestnik(local["api_url"], local["api_key"]), "wiring": wiring, "cloud": cloud}
    code.interact(_HELLO, local=names, exitmsg="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
