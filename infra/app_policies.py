"""The queues in the policies of the API's functions, `.chalice/policy-<stage>.json`, out of the manifest (`make docs`).

python -m infra.app_policies       # writes the files
"""

import json
from pathlib import Path
from typing import Any

from chalicelib.manifest import CONSUMERS
from infra.paths import ROOT
from infra.stages import stage_names

_LISTS = {"DeadLetters": "-dlq", "Redrive": ""}  # statements that name every queue → what its name ends with


def policy_file(stage: str) -> Path:
    """Where the policy of a stage is."""
    return ROOT / ".chalice" / f"policy-{stage}.json"


def with_queues(policy: dict[str, Any], stage: str) -> dict[str, Any]:
    """The policy with every queue of the manifest, and no other."""
    for statement in policy["Statement"]:
        if (suffix := _LISTS.get(statement.get("Sid", ""))) is not None:
            statement["Resource"] = [f"arn:aws:sqs:*:*:vestnik-{stage}-{queue}{suffix}" for queue in CONSUMERS]
    return policy


def main() -> None:
    for stage in stage_names():
        file = policy_file(stage)
        file.write_text(json.dumps(with_queues(json.loads(file.read_text()), stage), indent=2) + "\n")


if __name__ == "__main__":
    main()
