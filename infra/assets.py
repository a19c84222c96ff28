"""What the admin page serves that is not ours: htmx, out of the package that carries it (PyPI's django-htmx; nothing
else of it is used). Called by `infra/setup.sh`; the copy is never committed.

python -m infra.assets
"""

import shutil
from importlib.util import find_spec
from pathlib import Path

from infra.paths import ROOT

_IN_PACKAGE = "static/django_htmx/htmx-2.min.js"
_TARGET = ROOT / "templates" / "admin" / "static" / "htmx.js"


def copy_assets() -> Path:
    """Copies htmx to where the pages find it. Raises: FileNotFoundError: the package has changed its layout."""
    spec = find_spec("django_htmx")  # found, not imported: it would want Django's settings
    if spec is None or spec.origin is None:
        raise FileNotFoundError("the package django-htmx is not installed: run `make setup`")
    shutil.copyfile(Path(spec.origin).parent / _IN_PACKAGE, _TARGET)
    return _TARGET


if __name__ == "__main__":
    copy_assets()
