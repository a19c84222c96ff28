"""SnapStart: what a process does before Lambda takes its snapshot, and what each restored process makes again (AWS,
"Handling uniqueness with Lambda SnapStart"; ADR 0087). Imported only where Lambda takes one.

Everything that a process finds out, counts or draws is held by the parts of its stage; other caches hold what follows
from the code and the settings, which a test checks. So each restored process gets a new stage, with only the clients of
the old one, whose connections are closed, and its compiled templates.
"""

import pkgutil
import random
from importlib import import_module

from snapshot_restore_py import register_after_restore, register_before_snapshot

import chalicelib
from chalicelib import aws_session as aws
from chalicelib import cold_start
from chalicelib.rendering.render import Renderer
from chalicelib.rendering.shipped import read_shipped, shipped_folder, shipped_keys
from chalicelib.stage.workers import WorkerStage
from chalicelib.storage.dynamodb import dynamodb

_CLIENTS = ("sqs", "ses", "sns", "socialmessaging", "ssm", "aws_lambda")
_STAY = (*_CLIENTS, "renderer")  # the renderer knows compiled templates, each by its version


def register(kind: type[WorkerStage]) -> None:
    """Registers both hooks with Lambda's runtime; `kind` is the stage class of this process."""
    register_before_snapshot(settle, kind)
    register_after_restore(begin_anew, kind)


def settle(kind: type[WorkerStage]) -> None:
    """Does in advance what the first calls would do, without calling anybody: imports, clients, compiled templates."""
    for found in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
        import_module(found.name)
    for client in _CLIENTS:
        getattr(kind.own(), client)
    _ = dynamodb().client
    _compile_templates(kind.own().renderer)
    aws.hang_up()
    cold_start.end()


def _compile_templates(renderer: Renderer) -> None:
    folder = shipped_folder()
    for template in (read_shipped(folder, key) for key in shipped_keys(folder)):
        for locale in template.locales:
            for channel in template.channels:
                renderer.compiled(template, channel=channel, locale=locale)


def begin_anew(kind: type[WorkerStage]) -> None:
    """Makes this process independent of the snapshot."""
    random.seed()
    kind.begin(**{name: getattr(kind.own(), name) for name in _STAY})
    aws.hang_up()
