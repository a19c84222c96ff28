"""The process's one session of AWS. Called by `wiring/` and `storage/base.py`, which make every client by it.

botocore's session and not boto3's: the clients are the same, and a cold start is spared the import of boto3's
resources, transfers and documentation, and a second reading of the files of regions and services (docs/decisions.md).
"""

from functools import cache

import botocore.session


@cache
def session() -> botocore.session.Session:
    """The session, with the credentials and the region of the environment."""
    return botocore.session.get_session()
