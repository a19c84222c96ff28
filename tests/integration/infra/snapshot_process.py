"""A process of the API or of `deliver` as SnapStart has it: it starts, is warm, two others wake out of it. Run by
`test_snapshot.py`: python -m tests.integration.infra.snapshot_process <module> <hooks or none>.
"""

import importlib
import json
import os
import random
import stat
import sys
from contextlib import suppress
from typing import Any

import snapshot_restore_py


def sockets() -> int:
    """The open ones of this process."""
    found = 0
    for number in range(256):
        with suppress(OSError):
            found += stat.S_ISSOCK(os.fstat(number).st_mode)
    return found


def used() -> dict[str, Any]:
    """What a process draws, writes and believes."""
    from chalicelib.accounts.audit import Deed, Door
    from chalicelib.clock import new_id
    from chalicelib.stage.app import Stage

    Stage.own().audit.look(Deed(Door.API, "key", "read", "user-1", "127.0.0.1"))
    return {
        "drawn": random.random(),  # noqa: S311 (what the jitter of retries is made of)
        "id": new_id(),
        "chain": Stage.own().audit_chain._name,
        "number": Stage.own().audit_chain._number,
        "redirect": Stage.own().site_settings.current().redirect_url,
        "owner": Stage.own().address_hashes.owner("email", "olga@kino.example"),
        "parts": [id(part) for part in (Stage.own().audit, Stage.own().tokens, Stage.own().site_settings)],
    }


def say(line: str) -> None:
    """To the test that waits for it."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main() -> None:
    module, hooked = sys.argv[1], sys.argv[2] == "hooks"
    importlib.import_module(module)
    before = used()  # more than Lambda does before a snapshot: nothing may depend on how warm it was
    open_before = sockets()
    for hook, given, named in reversed(snapshot_restore_py.get_before_snapshot() if hooked else []):
        hook(*given, **named)
    told: list[dict[str, Any]] = [{**before, "sockets": open_before}]
    drawn_until = random.getstate()
    say("warm")
    sys.stdin.readline()  # meanwhile a setting changes
    for _ in range(2):
        reading, writing = os.pipe()
        if os.fork() == 0:
            random.setstate(drawn_until)  # a fork reseeds itself, a snapshot does not
            at_first = sockets()
            for hook, given, named in snapshot_restore_py.get_after_restore() if hooked else []:
                hook(*given, **named)
            os.write(writing, json.dumps({**used(), "sockets": at_first}).encode())
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as answer:
            told.append(json.loads(answer.read()))
        os.wait()
    say(json.dumps(told))


if __name__ == "__main__":
    main()
