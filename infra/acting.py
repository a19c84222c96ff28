"""A command that works on a stage acts as the app of that stage. Called by the doctor and by what makes managers."""

import json
import os
from pathlib import Path

from infra.local.children import STAGE as LOCAL_STAGE
from infra.local.running import running_cloud
from infra.stages import CONFIG
from tools.local_cloud import LOCAL, local_cloud


def act_in(stage: str, addresses: Path = LOCAL) -> None:
    """From now on this process has the settings of the stage (`.chalice/config.json`) and the credentials of its
    environment. `local` is the cloud that `make run` has started, unless AWS_ENDPOINT_URL leads elsewhere. Raises:
    SystemExit with what to do, where none runs."""
    if stage == LOCAL_STAGE and "AWS_ENDPOINT_URL" not in os.environ:
        os.environ.update(running_cloud(local_cloud(addresses)).environment())
    config = json.loads(CONFIG.read_text())
    for variables in (config["stages"][stage]["environment_variables"], config["environment_variables"]):
        for name, value in variables.items():
            os.environ.setdefault(name, value)
