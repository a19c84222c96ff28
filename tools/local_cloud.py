"""Where the tools connect: a given address, or the running local cloud."""

import argparse
import json
import os
from pathlib import Path
from typing import Any

import requests

from clients.python.vestnik_client import Vestnik, VestnikError

LOCAL = Path(__file__).resolve().parent.parent / "build" / "local.json"
_SECONDS = 30


def stay_on_this_machine() -> None:
    """From now on this process reaches this machine without any proxy, and ignores the user's AWS configuration, which
    must neither disturb nor be touched by what runs here."""
    for name in [name for name in os.environ if name.startswith("AWS_")]:
        del os.environ[name]
    past = [os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or "", "127.0.0.1", "localhost"]
    os.environ["no_proxy"] = os.environ["NO_PROXY"] = ",".join(filter(None, past))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """`--url`, or `--user` on the local cloud."""
    parser.add_argument("--url", help="wss://… (default: the local cloud's, as a guest)")
    parser.add_argument("--user", help="come as this user of the local cloud, with a ticket")


def local_cloud(addresses: Path = LOCAL) -> dict[str, Any]:
    """The addresses and keys that `make run` wrote. Raises: SystemExit with advice, also if that run was killed and
    left them behind. The process stays on this machine from then on."""
    stay_on_this_machine()
    try:
        found: dict[str, Any] = json.loads(addresses.read_text())
        requests.get(f"{found['emulator_url']}/_ministack/health", timeout=_SECONDS).raise_for_status()
    except (OSError, ValueError, KeyError, TypeError, requests.RequestException):
        raise SystemExit("no local cloud runs: start one with `make run`, and wait until it says so") from None
    return found


def address(chosen: argparse.Namespace) -> str:
    """The address to open. Raises: SystemExit with advice."""
    if chosen.url:
        return str(chosen.url)
    local = local_cloud()
    if not chosen.user:
        return str(local["ws_url"])
    try:
        return Vestnik(local["api_url"], local["api_key"]).live_ticket(chosen.user).url
    except VestnikError as error:
        raise SystemExit(f"no ticket for {chosen.user}: {error}") from error
