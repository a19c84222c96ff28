"""The layers: all that `requirements.txt` holds, compiled, and nothing left to what Lambda's runtime happens to bring.
One is of every function; Pillow is in another, which only the worker of pictures has.

python -m layers.build         # build/layer-python3.13-x86_64.zip and each dependency's share of it
"""

import re
import shutil
import subprocess
import sys
import zipfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from infra.archive import Artifact, alone, digest_of, tree
from infra.bytecode import compiled_zip
from infra.paths import BUILD, ROOT
from infra.runtimes import DEFAULT, Runtime
from layers import botocore_data

_LIMIT_MB = 250  # AWS: a function with its layers, unpacked
_DATA, _SLIM = "botocore/data", "slim"
_RUNS_IN = "/opt"  # where Lambda unpacks layers
_LEVEL = 6  # of zlib; 9 takes three times as long, five seconds more, and saves 0.7 %
_PRUNED_FOLDERS = {"tests", "test", "bin"}
# Babel's tables of a thousand locales are 32 MB; these, without countries, are 6. Other locales format as English.
_LANGUAGES = frozenset(
    {
        *("root", "en", "ru", "uk", "be", "kk", "ky", "uz", "tg", "az", "hy", "ka", "tr", "ar", "he", "lv", "lt", "et"),
        *("de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sr", "bg", "ro", "fi", "sv", "zh", "ja", "ko"),
    }
)
# Of apprise's two hundred services only the chats: the others are 8 MB, loaded with the first message.
_CHATS = frozenset(
    {
        *("__init__", "base", "custom_json", "telegram", "slack", "discord", "mattermost", "rocketchat", "google_chat"),
        *("guilded", "mastodon", "revolt", "webexteams", "workflows", "zulip"),
    }
)
_PRUNED_FILES = {".pyi", ".pyx", ".c", ".h"}
_PICTURES = re.compile(r"PIL|pillow[.-].*")  # what Pillow's wheel unpacks


def build_layer(runtime: Runtime = DEFAULT, *, into: Path = BUILD, pictures: bool = False) -> Artifact:
    """Rebuilt only when the lock, this file or Python has changed. Any Python builds for any other. `pictures`: the one
    with Pillow. Raises: subprocess.CalledProcessError."""
    work = into / f"installed-{runtime}"
    lock = ROOT / "requirements.txt"
    made_of = [("lock", lock), ("data", Path(botocore_data.__file__))]
    wanted, stamp = digest_of(made_of, str(runtime)), work / "inputs.sha256"
    with alone(work):
        if not (stamp.exists() and stamp.read_text() == wanted):
            shutil.rmtree(work, ignore_errors=True)
            _install(lock, work / "python", runtime)
            botocore_data.slim(work / "python" / _DATA, work / _SLIM / _DATA)
            stamp.write_text(wanted)  # last: an interrupted build is repeated
        name = f"{'pictures' if pictures else 'layer'}-{runtime}.zip"
        files = [(place, path) for place, path in _shipped(work) if _is_of_pictures(place) == pictures]
        return compiled_zip(into / name, files, runtime=runtime, runs_in=_RUNS_IN, level=_LEVEL)


def _is_of_pictures(place: str) -> bool:
    return _PICTURES.fullmatch(place.split("/")[1]) is not None


def installed(layer: Artifact) -> Path:
    """The folder of the complete packages from which the layer was made."""
    return layer.path.with_name(layer.path.stem.replace("layer", "installed", 1)) / "python"


def _install(lock: Path, place: Path, runtime: Runtime) -> None:
    place.mkdir(parents=True)
    uv = Path(sys.executable).with_name("uv")
    exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:"]
    for_lambda = ["--python-version", runtime.python, "--python-platform", runtime.platform]
    target = ["--target", str(place), "--requirement", str(lock), "--python", sys.executable]
    subprocess.run([uv, "pip", "install", "--quiet", *exact, *for_lambda, *target], check=True)


def _shipped(work: Path) -> Iterable[tuple[str, Path]]:
    yield from ((f"python/{name}", path) for name, path in tree(work / _SLIM, "."))
    for path in (work / "python").rglob("*"):
        if not path.is_file():
            continue
        place = path.relative_to(work)
        record = path.parent.name.endswith(".dist-info") and path.name in {"RECORD", "INSTALLER", "REQUESTED"}
        if record or path.name == ".lock" or path.suffix in _PRUNED_FILES or _is_left_out(place.parts[1:]):
            continue
        if _PRUNED_FOLDERS.isdisjoint(place.parts[:-1]):
            yield place.as_posix(), path


def _is_left_out(parts: tuple[str, ...]) -> bool:
    """Parts of a package that none of our functions reads."""
    match parts:
        case ("babel", "locale-data", name):
            return name.partition(".")[0] not in _LANGUAGES
        case ("apprise", "i18n" | "assets", *_) | ("click", *_):  # click serves only apprise's command line
            return True
        case ("apprise", "plugins", *folders, name):
            known = name.partition(".")[0] in _CHATS
            return not known or folders != []
        case ("botocore", "data", *_):  # slimmed
            return True
        case ("boto3", "examples" | "data", *_):
            return True
    return False


def shares(layer: Artifact) -> Counter[str]:
    """Unpacked bytes of each top-level package."""
    sizes: Counter[str] = Counter()
    with zipfile.ZipFile(layer.path) as archive:
        for entry in archive.infolist():
            sizes[entry.filename.split("/")[1]] += entry.file_size
    return sizes


def main() -> None:
    artifact = build_layer()
    sizes = shares(artifact)
    for name, size_bytes in sizes.most_common():
        print(f"{size_bytes / 1_000_000:8.2f} MB  {name}")
    unpacked_mb = sizes.total() / 1_000_000
    print(f"{unpacked_mb:8.2f} MB  unpacked of {_LIMIT_MB}; zip {artifact.path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
