"""Lambda: the clock of the service. Source: EventBridge Scheduler, every minute."""

from typing import Any

from chalicelib.observability import write_line
from chalicelib.wiring import tick


def handler(event: dict[str, Any], context: Any) -> None:
    """One tick; the scheduler may give the same one twice, or none for a while: neither does harm."""
    write_line("tick", [tick().tick()])
