"""`python -m ses_mailbox --port P --data DIR`: the mailbox as a process. SIGTERM and SIGINT stop it."""

import argparse
import importlib
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from starlette.routing import BaseRoute

from ses_mailbox.app import MailboxOptions, create_app
from ses_mailbox.events import EVENT_TYPES
from ses_mailbox.server import serve


def _arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ses_mailbox", description="A small local SES v2.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one; the first line of output tells it")
    parser.add_argument("--data", type=Path, required=True, help="the folder of the letters; survives restarts")
    parser.add_argument("--verified", nargs="+", default=[], metavar="DOMAIN_OR_ADDRESS", help="default: every sender")
    parser.add_argument(
        "--configuration-set",
        action="append",
        default=[],
        type=_configuration_set,
        metavar="NAME[=EVENT,…]",
        help="a set that exists, with the events that it reports; default: all",
    )
    parser.add_argument(
        "--tracking-domain", metavar="HOST", default="", help="where tracked links lead; default: AWS's shared one"
    )
    parser.add_argument("--topic-arn", metavar="ARN", help="where the events go, for calls that name a set")
    parser.add_argument("--aws-endpoint", metavar="URL", help="the emulator that holds the topic")
    parser.add_argument(
        "--routes",
        action="append",
        default=[],
        type=_routes,
        metavar="MODULE:FUNCTION",
        help="a function whose Starlette routes are served too, such as stand-ins of your own services",
    )
    chosen = parser.parse_args(arguments)
    if chosen.topic_arn and not chosen.configuration_set:
        parser.error("--topic-arn needs --configuration-set: SES publishes events only for a set")
    return chosen


def _configuration_set(text: str) -> tuple[str, frozenset[str]]:
    name, _, types = text.partition("=")
    chosen = frozenset(types.split(",")) if types else EVENT_TYPES
    if unknown := sorted(chosen - EVENT_TYPES):
        raise argparse.ArgumentTypeError(f"not an event of SES: {', '.join(unknown)}")
    return name, chosen


def _routes(text: str) -> Sequence[BaseRoute]:
    module, _, function = text.partition(":")
    try:
        made: Sequence[BaseRoute] = getattr(importlib.import_module(module), function)()
    except (ImportError, AttributeError, ValueError) as error:
        raise argparse.ArgumentTypeError(f"cannot load {text}: {error}") from error
    return made


def main(arguments: Sequence[str] | None = None) -> None:
    """Serves until a signal comes."""
    chosen = _arguments(arguments)
    options = MailboxOptions(
        data=chosen.data,
        verified=frozenset(identity.lower() for identity in chosen.verified),
        configuration_sets=dict(chosen.configuration_set),
        tracking_domain=chosen.tracking_domain,
        topic_arn=chosen.topic_arn,
        aws_endpoint=chosen.aws_endpoint,
        routes=[route for routes in chosen.routes for route in routes],
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        # uvicorn stops by itself and then raises the signal once more for whoever was before it.
        signal.signal(number, lambda *_: sys.exit(0))
    serve(create_app(options), host=chosen.host, port=chosen.port)


if __name__ == "__main__":
    main()
