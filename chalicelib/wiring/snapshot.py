"""SnapStart: what a process is before Lambda takes its snapshot, and what each of the many that wake out of it makes
anew (AWS, "Handling uniqueness with Lambda SnapStart"). Imported only where Lambda takes one.

All that a process finds out, counts or draws is kept by the caches of `wiring/`; other caches hold what follows from
the code and the settings, which a test sees to. So those of `wiring/` are emptied, whatever they hold: chains of the
audit, values that were read a moment ago by a clock that has stood still since. Clients stay, without connections.
"""

import pkgutil
import random
import sys
from importlib import import_module

from snapshot_restore_py import register_after_restore, register_before_snapshot

import chalicelib
from chalicelib import aws_session as aws
from chalicelib import cold_start
from chalicelib.storage.dynamodb import dynamodb
from chalicelib.wiring import clients, letters

_CLIENTS = (clients.sqs, clients.ses, clients.sns, clients.ssm, clients.aws_lambda)
_STAY = frozenset((*_CLIENTS, letters.renderer))  # the renderer knows compiled templates, each by its version


def register() -> None:
    """Tells Lambda's runtime of the two moments."""
    register_before_snapshot(settle)
    register_after_restore(begin_anew)


def settle() -> None:
    """Does in advance what the first calls would do, calling nobody: imports, clients, compiled templates."""
    for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        import_module(found.name)
    for make in _CLIENTS:
        make()
    _ = dynamodb().client
    _compile_templates()
    aws.hang_up()
    cold_start.end()


def _compile_templates() -> None:
    from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys

    folder, renderer = shipped_folder(), letters.renderer()
    for template in (read_shipped(folder, key) for key in shipped_keys(folder)):
        for locale in template.locales:
            for channel in template.channels:
                renderer.compiled(template, channel=channel, locale=locale)


def begin_anew() -> None:
    """Makes this process one of its own."""
    random.seed()
    for name, module in list(sys.modules.items()):
        if name.startswith("chalicelib.wiring."):
            for part in vars(module).values():
                if hasattr(part, "cache_clear") and part not in _STAY:
                    part.cache_clear()
    aws.hang_up()
