"""A stage's permissions boundary (`permissions_boundary`): deployers may create roles, but none that exceeds it."""

import json


def bounded(template: str, arn: str) -> str:
    """The template with this boundary on each of its roles; unchanged without one."""
    if not arn:
        return template
    found = json.loads(template)
    for one in found["Resources"].values():
        if one["Type"] == "AWS::IAM::Role":
            one["Properties"]["PermissionsBoundary"] = arn
    return json.dumps(found, sort_keys=True, indent=1)
