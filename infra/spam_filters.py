"""Finds the spam filters that score the shipped letters, SpamAssassin and rspamd, and installs the distribution's
packages where this user may. Run by `make test`.

python -m infra.spam_filters     # names what is not at hand; never fails: not every machine can have them
"""

import os
import shutil
import subprocess
from collections.abc import Mapping

PACKAGES: Mapping[str, str] = {"spamassassin": "spamassassin", "rspamd": "rspamd"}  # command -> Debian's package
_LIMIT_SECONDS = 900


def missing() -> list[str]:
    """The commands that are not at hand."""
    return [command for command in PACKAGES if shutil.which(command) is None]


def remedy(command: str) -> str:
    """How a person gets it."""
    return f"apt install {PACKAGES[command]}"


def install(commands: list[str]) -> bool:
    """Whether apt could install them; only root can."""
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        return False
    packages = [PACKAGES[command] for command in commands]
    print(f"letters' figures: no {', '.join(commands)}; trying apt-get", flush=True)
    install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages)
    return all(_succeeds(command) for command in (("apt-get", "update", "-qq"), install))


def _succeeds(command: tuple[str, ...]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    try:
        done = subprocess.run(
            command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, timeout=_LIMIT_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return done.returncode == 0


def main() -> None:
    """The command."""
    if missing() and not install(missing()):
        ways = ", ".join(remedy(command) for command in missing())
        print(f"letters' figures: without {', '.join(missing())} the letters are not scored. Get them by: {ways}")


if __name__ == "__main__":
    main()
