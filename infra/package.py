"""The workers' zip, the app's, and the layers of what they depend on.

python -m infra.package --stage prod       # all of them, into build/
"""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import grimp

from chalicelib.manifest import CHANNELS
from chalicelib.rendering.documents.compiled_blocks import MADE
from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys
from infra.archive import Artifact, tree, write_zip
from infra.bytecode import compiled_zip
from infra.catalogues import compile_catalogues
from infra.paths import BUILD, ROOT, package_folder
from infra.runtimes import Runtime, runtime_of
from infra.stages import require_fit, stage_names
from layers.build import build_layer

# What only the Chalice app shows.
_OF_THE_APP = ("templates/admin", "templates/pages")


def workers_zip(runtime: Runtime | None = None) -> Artifact:
    """The modules that any worker imports, at its start or later, and the shipped templates. Compiled for `runtime`;
    not compiled for the local cloud, whose functions write their own bytecode."""
    files = [*_modules(), *tree(ROOT, "templates", without=_OF_THE_APP), *_compiled_letters()]
    if runtime is None:
        return write_zip(BUILD / "workers.zip", files)
    return compiled_zip(BUILD / f"workers-{runtime}.zip", files, runtime=runtime)


def app_zip(runtime: Runtime | None = None) -> Artifact:
    """The Chalice app as Chalice itself would pack it, with its own two modules; compiled like the workers."""
    compile_catalogues()
    own_files = [("app.py", ROOT / "app.py"), *tree(ROOT, "chalicelib"), *tree(ROOT, "templates")]
    files = [*own_files, *_compiled_letters()]
    own = [(f"chalice/{name}", package_folder("chalice") / name) for name in ("__init__.py", "app.py")]
    if runtime is None:
        return write_zip(BUILD / "app.zip", [*files, *own])
    return compiled_zip(BUILD / f"app-{runtime}.zip", [*files, *own], runtime=runtime)


def _compiled_letters() -> Iterator[tuple[str, Path]]:
    """The sources of the shipped documents, which `rendering/shipped.py` finds beside them."""
    folder = shipped_folder()
    for template in (read_shipped(folder, key) for key in shipped_keys(folder)):
        for locale in template.documents:
            for name in sorted({*MADE} & {*template.locales[locale]}):
                place = f"templates/{template.key}/{locale}/{name}"
                made = BUILD / "letters-compiled" / place
                made.parent.mkdir(parents=True, exist_ok=True)
                made.write_text(template.locales[locale][name], encoding="utf-8")
                yield place, made


def _modules() -> Iterator[tuple[str, Path]]:
    graph = grimp.build_graph("functions", "chalicelib", exclude_type_checking_imports=True, cache_dir=None)
    channels = {f"chalicelib.channels.{name}" for name in CHANNELS}  # imported by their names
    needed = {"functions", *graph.find_descendants("functions"), *channels}
    for module in needed - {"functions"}:
        needed |= graph.find_upstream_modules(module)
    packages = {module.rpartition(".")[0] for module in needed} - {""}
    for module in sorted(needed | packages | {"chalicelib"}):
        place = ROOT / module.replace(".", "/")
        path = place / "__init__.py" if place.is_dir() else place.with_suffix(".py")
        yield path.relative_to(ROOT).as_posix(), path


class Artifacts(NamedTuple):
    """Everything that is deployed; `pictures` is the layer with Pillow."""

    workers: Artifact
    app: Artifact
    layer: Artifact
    pictures: Artifact


def artifacts(runtime: Runtime) -> Artifacts:
    """Raises: subprocess.CalledProcessError."""
    layers = build_layer(runtime), build_layer(runtime, pictures=True)
    return Artifacts(workers_zip(runtime), app_zip(runtime), *layers)


class ForeignError(ValueError):
    """Permanent: a folder of artifacts does not hold what was built."""


def artifacts_in(folder: Path, runtime: Runtime) -> Artifacts:
    """Artifacts from an earlier `make package`, checked against the SHA256SUMS beside them, so that each stage gets the
    same bytes. Raises: ForeignError."""
    try:
        lines = [line.split() for line in (folder / "SHA256SUMS").read_text().splitlines()]
        stated = {name.lstrip("*"): digest for digest, name in lines}
        found = [Artifact.of(folder / f"{what}-{runtime}.zip") for what in Artifacts._fields]
    except FileNotFoundError as error:
        raise ForeignError(f"{error.filename} is not there: `make package` makes it for {runtime}") from error
    except ValueError as error:
        raise ForeignError(f"{folder}/SHA256SUMS: expected lines of sha256sum") from error
    if wrong := [one.path.name for one in found if stated.get(one.path.name) != one.digest]:
        raise ForeignError(f"{', '.join(wrong)} in {folder} is not what SHA256SUMS says: build and copy it again")
    return Artifacts(*found)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Make what is deployed.")
    parser.add_argument("--stage", default="dev", choices=stage_names())
    stage: str = parser.parse_args(arguments).stage
    require_fit(stage)
    for artifact in artifacts(runtime_of(stage)):
        size_mb = artifact.path.stat().st_size / 1_000_000
        print(f"{artifact.path.relative_to(ROOT)}  {size_mb:.2f} MB  {artifact.digest}")


if __name__ == "__main__":
    main()
