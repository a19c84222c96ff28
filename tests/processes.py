"""Processes within one: what a process learns once, forgotten. The only place where tests clear caches."""

from typing import Any

from chalicelib import aws_session
from chalicelib.admin import templating
from chalicelib.observability import logger, metrics
from chalicelib.settings import settings
from chalicelib.stage.app import Stage
from chalicelib.storage.dynamodb import use
from infra import bytecode


def forget_settings() -> None:
    """The environment is read again."""
    settings.cache_clear()


def forget_log() -> None:
    """The next line goes to the standard output of now, under the service's name of now."""
    logger.cache_clear()
    metrics.cache_clear()


def forget_everything() -> None:
    """As at the start of a process."""
    forget_settings()
    forget_log()
    for cached in (aws_session.session, templating.static_url, bytecode._warn):
        cached.cache_clear()
    use(None)


def new_process(**parts: Any) -> Stage:
    """A process that has just started, whose stage has these parts."""
    forget_everything()
    return Stage.begin(**parts)


def compose(**parts: Any) -> Stage:
    """The stage of this process again, with these parts in the place of its own: `compose(clock=clock)`."""
    forget_settings()
    return Stage.begin(**{**Stage.own().given, **parts})
