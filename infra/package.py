"""The workers' zip and, for AWS, the layer of their dependencies. Called by `deploy.py`, the local
cloud and `make package`.

python -m infra.package        # both, into build/
"""

from collections.abc import Iterator
from pathlib import Path

import grimp

from infra.archive import Artifact, tree, write_zip
from infra.paths import BUILD, ROOT
from layers.build import build_layer

# What only the Chalice app shows.
_OF_THE_APP = ("templates/admin", "templates/pages")


def workers_zip() -> Artifact:
    """The modules that some worker imports, at its start or later, and the shipped templates."""
    return write_zip(BUILD / "workers.zip", [*_modules(), *tree(ROOT, "templates", without=_OF_THE_APP)])


def _modules() -> Iterator[tuple[str, Path]]:
    graph = grimp.build_graph("functions", "chalicelib", exclude_type_checking_imports=True, cache_dir=None)
    workers = graph.find_descendants("functions")
    needed = {"functions", *workers}
    for worker in workers:
        needed |= graph.find_upstream_modules(worker)
    packages = {module.rpartition(".")[0] for module in needed} - {""}
    for module in sorted(needed | packages | {"chalicelib"}):
        place = ROOT / module.replace(".", "/")
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        yield path.relative_to(ROOT).as_posix(), path


def main() -> None:
    for artifact in (workers_zip(), build_layer()):
        size_mb = artifact.path.stat().st_size / 1_000_000
        print(f"{artifact.path.relative_to(ROOT)}  {size_mb:.2f} MB  {artifact.digest}")


if __name__ == "__main__":
    main()
