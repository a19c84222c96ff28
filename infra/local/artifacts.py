"""What the local cloud deploys, built by one process at a time: two clouds of one checkout share `build/`."""

from infra.archive import Artifact, alone
from infra.chalice_app import PackagingError, packaged_template
from infra.local.patience import StartError
from infra.package import app_zip, workers_zip
from infra.paths import BUILD


def build_artifacts(stage: str) -> tuple[Artifact, Artifact]:
    """The zips of the workers and of the app, whose template is made beside. Raises: StartError with what the packager
    said."""
    with alone(BUILD / "artifacts"):
        try:
            packaged_template(stage)
            return workers_zip(), app_zip()
        except PackagingError as error:
            raise StartError(str(error)) from error
