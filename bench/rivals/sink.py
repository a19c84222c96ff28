"""A mail server that takes everything and keeps a line a letter: its recipient.

python -m bench.rivals.sink <port> <file>
"""

import asyncio
import sys
from pathlib import Path
from typing import Any

from aiosmtpd.smtp import SMTP


class Keeper:
    """aiosmtpd's handler."""

    def __init__(self, file: Path) -> None:
        self._file = file.open("a", buffering=1)

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802 (aiosmtpd's name)
        self._file.write(f"{envelope.rcpt_tos[0]}\n")
        return "250 OK"


async def main() -> None:
    keeper = Keeper(Path(sys.argv[2]))
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(keeper), "127.0.0.1", int(sys.argv[1]))
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
