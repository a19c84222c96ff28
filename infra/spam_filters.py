"""Finds the spam filters that score the shipped letters, SpamAssassin and rspamd, and installs the distribution's
packages where this user may. Run by `make test`.

python -m infra.spam_filters     # names what is not at hand; never fails: not every machine can have them
"""

import shutil
from collections.abc import Mapping

from infra.debian import apt_commands, succeeds

PACKAGES: Mapping[str, str] = {"spamassassin": "spamassassin", "rspamd": "rspamd"}  # command -> Debian's package


def missing() -> list[str]:
    """The commands that are not at hand."""
    return [command for command in PACKAGES if shutil.which(command) is None]


def remedy(command: str) -> str:
    """How a person gets it."""
    return f"apt install {PACKAGES[command]}"


def install(commands: list[str]) -> bool:
    """Whether apt could install them; only root can."""
    apt = apt_commands(*(PACKAGES[command] for command in commands))
    if apt:
        print(f"letters' figures: no {', '.join(commands)}; trying apt-get", flush=True)
    return bool(apt) and all(map(succeeds, apt))


def main() -> None:
    """The command."""
    if missing() and not install(missing()):
        ways = ", ".join(remedy(command) for command in missing())
        print(f"letters' figures: without {', '.join(missing())} the letters are not scored. Get them by: {ways}")


if __name__ == "__main__":
    main()
