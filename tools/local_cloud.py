"""Where the tools connect: an address of one's own, or the local cloud that runs. Every tool here uses it."""

import argparse
import json
from pathlib import Path
from typing import Any

import requests

LOCAL = Path(__file__).resolve().parent.parent / "build" / "local.json"
_SECONDS = 30


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--url`, or `--user` on the local cloud."""
    parser.add_argument("--url", help="wss://… (default: the local cloud's, as a guest)")
    parser.add_argument("--user", help="come as this user of the local cloud, with a ticket")


def local_cloud(addresses: Path = LOCAL) -> dict[str, Any]:
    """The addresses and the keys that `make run` wrote. Raises: SystemExit with what to do, also where that run was
    killed and could not take them away."""
    try:
        found: dict[str, Any] = json.loads(addresses.read_text())
        requests.get(f"{found['emulator_url']}/_ministack/health", timeout=_SECONDS).raise_for_status()
    except (OSError, ValueError, KeyError, requests.RequestException):
        raise SystemExit("no local cloud runs: start one with `make run`, and wait until it says so") from None
    return found


def address(chosen: argparse.Namespace) -> str:
    """The address to open. Raises: SystemExit with what to do."""
    if chosen.url:
        return str(chosen.url)
    local = local_cloud()
    if not chosen.user:
        return str(local["ws_url"])
    answer = requests.post(
        f"{local['api_url']}/v1/live/tickets",
        json={"user_id": chosen.user},
        headers={"Authorization": f"Bearer {local['api_key']}"},
        timeout=_SECONDS,
    )
    if not answer.ok:
        raise SystemExit(f"no ticket for {chosen.user}: {answer.text}")
    return str(answer.json()["url"])
