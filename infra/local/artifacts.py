"""What the local cloud deploys, built by one process at a time: two clouds of one checkout share `build/`."""

from infra.archive import alone
from infra.chalice_app import PackagingError, packaged_template
from infra.local.patience import StartError
from infra.package import app_zip, workers_zip
from infra.paths import BUILD
from infra.planning import Release
from infra.runtimes import this_machines


def build_artifacts(stage: str) -> Release:
    """Of this checkout, for this machine's Python, which has the dependencies. Raises: StartError with what the
    packager said."""
    with alone(BUILD / "artifacts"):
        try:
            return Release(workers_zip(), app_zip(), packaged_template(stage), this_machines())
        except PackagingError as error:
            raise StartError(str(error)) from error
