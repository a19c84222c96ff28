"""The permissions boundary of a stage (`permissions_boundary`): whoever deploys may make roles, and none that goes
beyond it.
"""

import json


def bounded(template: str, arn: str) -> str:
    """The template with this boundary on each of its roles; without one, as it is."""
    if not arn:
        return template
    found = json.loads(template)
    for one in found["Resources"].values():
        if one["Type"] == "AWS::IAM::Role":
            one["Properties"]["PermissionsBoundary"] = arn
    return json.dumps(found, sort_keys=True, indent=1)
