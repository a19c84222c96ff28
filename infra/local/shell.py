"""`make shell`: a Python prompt inside the running local cloud, with its settings, its tables and its API at hand.

python -m infra.local.shell
"""

import code
import os
import sys
from pathlib import Path

from infra.local.running import running_cloud
from tools.local_cloud import LOCAL, local_cloud

_HELLO = """Vestnik's local cloud. At hand:
  vestnik       the API's client: vestnik.call("GET", "/v1/users/anna")
  stage         the parts of the service: stage.directory.get("anna")
  cloud         its addresses and its AWS: cloud.mailbox_url; cloud.account.lambdas.list_functions()
"""


def main(addresses: Path = LOCAL) -> int:
    """Talks until Ctrl-D. `addresses` is what `make run` wrote. Raises: SystemExit where no cloud runs."""
    local = local_cloud(addresses)
    cloud = running_cloud(local)
    os.environ.update(cloud.environment())
    from chalicelib.stage.app import stage
    from clients.python.vestnik_client import Vestnik

    names = {"vestnik": Vestnik(local["api_url"], local["api_key"]), "stage": stage(), "cloud": cloud}
    code.interact(_HELLO, local=names, exitmsg="")
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
