"""The workers' zip and, for AWS, the layer of their dependencies. Called by `deploy.py`, the local
cloud and `make package`.

python -m infra.package        # both, into build/
"""

from infra.archive import Artifact, tree, write_zip
from infra.paths import BUILD, ROOT
from layers.build import build_layer

# What only the Chalice app runs.
_OF_THE_APP = ("chalicelib/api", "chalicelib/admin", "chalicelib/public", "templates/admin", "templates/pages")


def workers_zip() -> Artifact:
    """The code of all workers and the shipped templates."""
    files = [
        *tree(ROOT, "functions"),
        *tree(ROOT, "chalicelib", without=_OF_THE_APP),
        *tree(ROOT, "templates", without=_OF_THE_APP),
    ]
    return write_zip(BUILD / "workers.zip", files)


def main() -> None:
    for artifact in (workers_zip(), build_layer()):
        size_mb = artifact.path.stat().st_size / 1_000_000
        print(f"{artifact.path.relative_to(ROOT)}  {size_mb:.2f} MB  {artifact.digest}")


if __name__ == "__main__":
    main()
