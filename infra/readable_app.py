"""A stage's app template for reading and linting; uploaded files have made-up names here.

python -m infra.readable_app prod      # build/app-prod.json
"""

import sys

from infra.addresses import Addresses
from infra.app_template import AppInputs
from infra.chalice_app import packaged_template
from infra.paths import BUILD, ROOT
from infra.planning import app_text
from infra.runtimes import runtime_of
from infra.stages import environment_of


def readable_app(stage: str) -> str:
    """Raises: SettingsError, PackagingError."""
    inputs = AppInputs.of_stage(
        environment_of(stage),
        addresses=Addresses(),
        runtime=runtime_of(stage),
        bucket=f"vestnik-{stage}-artifacts",
        code_key="app.zip",
        layer_key="layer.zip",
    )
    return app_text(packaged_template(stage), inputs)


if __name__ == "__main__":
    place = BUILD / f"app-{sys.argv[1]}.json"
    place.write_text(readable_app(sys.argv[1]), encoding="utf-8")
    print(place.relative_to(ROOT))
