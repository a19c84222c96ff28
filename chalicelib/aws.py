"""The process's one session of AWS. Called by `wiring/` and `storage/base.py`, which make every client by it.

botocore's session and not boto3's: the clients are the same, and a cold start is spared the import of boto3's
resources, transfers and documentation, and a second reading of the files of regions and services (docs/decisions.md).
"""

from functools import cache

import botocore.session
from botocore.config import Config

# A name of our own is put into each request as it is; botocore's would be put together anew for every one.
_EVERY_CLIENT = Config(user_agent="vestnik")


@cache
def session() -> botocore.session.Session:
    """The session, with the credentials and the region of the environment."""
    made = botocore.session.get_session()
    made.set_default_client_config(_EVERY_CLIENT)
    return made
