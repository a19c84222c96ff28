"""The workers' layer: what `requirements.txt` holds less what Lambda's Python brings itself. Called by
`infra/package.py`.

python -m layers.build         # build/layer.zip and each dependency's share of it
"""

import os
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from infra.archive import Artifact, digest_of, write_zip
from infra.paths import BUILD, ROOT

# AWS, "Runtimes included in the Python SDK": boto3, botocore and what they need. Our lock's boto3 is for development:
# the runtime's own is newer or the same, and leaving it out saves 15 MB and its unpacking.
IN_THE_RUNTIME = frozenset({"boto3", "botocore", "s3transfer", "jmespath", "urllib3", "python-dateutil", "six"})
LAMBDA_PLATFORM = "x86_64-manylinux2014"
PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_LIMIT_MB = 250  # AWS: a function with its layers, unpacked
_RUNS_IN = "/opt"  # where Lambda unpacks layers
_PRUNED_FOLDERS = {"tests", "test", "bin"}
# Babel's tables of a thousand locales are 32 MB: these, without their countries, are 6. Others are as English.
_LANGUAGES = frozenset(
    {
        *("root", "en", "ru", "uk", "be", "kk", "ky", "uz", "tg", "az", "hy", "ka", "tr", "ar", "he", "lv", "lt", "et"),
        *("de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sr", "bg", "ro", "fi", "sv", "zh", "ja", "ko"),
    }
)
# Of apprise's two hundred services those that are chats: the others are 8 MB, and read with the first message.
_CHATS = frozenset(
    {
        *("__init__", "base", "custom_json", "telegram", "slack", "discord", "mattermost", "rocketchat", "google_chat"),
        *("guilded", "mastodon", "revolt", "webexteams", "workflows", "zulip"),
    }
)
_PRUNED_FILES = {".pyi", ".pyx", ".c", ".h"}


def lambda_requirements(lock: str) -> str:
    """The lock without the packages of the runtime; hashes stay with their packages."""
    blocks = re.split(r"^(?=[A-Za-z0-9])", lock, flags=re.MULTILINE)
    names = [re.split(r"[=<>\[ ;]", block, maxsplit=1)[0] for block in blocks]
    return "".join(block for name, block in zip(names, blocks, strict=True) if name.lower() not in IN_THE_RUNTIME)


def build_layer(*, platform: str | None = LAMBDA_PLATFORM, into: Path = BUILD) -> Artifact:
    """`build/layer.zip`, made anew only when the lock, this file or Python has changed. `platform=None` builds for this
    machine, which tests can import. Raises: subprocess.CalledProcessError."""
    work = into / f"layer-{platform or 'native'}"
    target = into / ("layer.zip" if platform else "layer-native.zip")
    lock = ROOT / "requirements.txt"
    wanted = digest_of([("lock", lock), ("build", Path(__file__))], PYTHON)
    stamp = work / "inputs.sha256"
    if stamp.exists() and stamp.read_text() == wanted and target.exists():
        return Artifact.of(target)
    shutil.rmtree(work, ignore_errors=True)
    _install(lambda_requirements(lock.read_text()), work, platform)
    _compile(work)
    artifact = write_zip(target, _shipped(work))
    stamp.write_text(wanted)  # last: whatever is interrupted is made once more
    return artifact


def _install(requirements: str, work: Path, platform: str | None) -> None:
    work.mkdir(parents=True)
    listed = work / "requirements.txt"
    listed.write_text(requirements)
    uv = Path(sys.executable).with_name("uv")
    exact = ["--no-deps", "--require-hashes", "--only-binary", ":all:", "--python-version", PYTHON]
    target = ["--target", str(work / "python"), "--requirement", str(listed)]
    target_platform = ["--python-platform", platform] if platform else []
    subprocess.run(
        [uv, "pip", "install", "--quiet", *exact, *target_platform, "--python", sys.executable, *target],
        check=True,
    )


def _compile(work: Path) -> None:
    """Lambda can write nothing beside the modules of a layer, so that every cold start would compile whatever it
    imports. The files carry a hash that nobody checks (PEP 552) and name the folder that they run in: the same sources
    give the same bytes. Another version of Python passes them by."""
    place = ["-s", str(work), "-p", _RUNS_IN, "--invalidation-mode", "unchecked-hash"]
    command = [sys.executable, "-I", "-m", "compileall", "-q", *place, str(work / "python")]
    subprocess.run(command, check=True, env={**os.environ, "PYTHONHASHSEED": "0"})


def _shipped(work: Path) -> Iterable[tuple[str, Path]]:
    for path in sorted((work / "python").rglob("*")):
        if not path.is_file():
            continue
        name = path.relative_to(work).as_posix()
        folders = set(path.relative_to(work).parts[:-1])
        record = path.parent.name.endswith(".dist-info") and path.name in {"RECORD", "INSTALLER", "REQUESTED"}
        if _is_left_out(path.relative_to(work / "python").parts):
            continue
        if not (folders & _PRUNED_FOLDERS or path.suffix in _PRUNED_FILES or path.name == ".lock" or record):
            yield name, path


def _is_left_out(parts: tuple[str, ...]) -> bool:
    """What of a package no function of ours ever reads."""
    match parts:
        case ("babel", "locale-data", name):
            return name.partition(".")[0] not in _LANGUAGES
        case ("apprise", "i18n" | "assets", *_) | ("click", *_):  # click is for apprise's command line alone
            return True
        case ("apprise", "plugins", *folders, name):
            known = name.partition(".")[0] in _CHATS
            return not known or folders not in ([], ["__pycache__"])
    return False


def shares(work: Path) -> Counter[str]:
    """Unpacked bytes of each top-level package."""
    sizes: Counter[str] = Counter()
    for name, path in _shipped(work):
        sizes[name.split("/")[1]] += path.stat().st_size
    return sizes


def main() -> None:
    artifact = build_layer()
    sizes = shares(BUILD / f"layer-{LAMBDA_PLATFORM}")
    for name, size_bytes in sizes.most_common():
        print(f"{size_bytes / 1_000_000:8.2f} MB  {name}")
    unpacked_mb = sizes.total() / 1_000_000
    print(f"{unpacked_mb:8.2f} MB  unpacked of {_LIMIT_MB}; zip {artifact.path.stat().st_size / 1e6:.2f} MB")


if __name__ == "__main__":
    main()
