"""What is compiled of the same sources is the same: a process that has just started, which every test of the parts
together is, would spend half of its time on it."""

from collections.abc import Callable, Hashable
from typing import Any

import pytest
from jinja2 import Environment

from chalicelib.rendering.compile import compile_letter
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template
from chalicelib.rendering.sandbox import LetterEnvironment, names_in


def install(patch: pytest.MonkeyPatch) -> None:
    """A mistake is found again each time."""
    patch.setattr(Environment, "compile", _kept(Environment.compile, _page))
    patch.setattr("chalicelib.rendering.render.compile_letter", _kept(compile_letter, _letter))
    patch.setattr("chalicelib.rendering.checks.names_in", _kept(names_in, _source))


def _kept(made_of: Callable[..., Any], key_of: Callable[..., Hashable]) -> Callable[..., Any]:
    known: dict[Hashable, Any] = {}

    def kept(*given: Any, **named: Any) -> Any:
        key = key_of(*given, **named)
        if key is None:
            return made_of(*given, **named)
        if key not in known:
            known[key] = made_of(*given, **named)
        return known[key]

    return kept


def _page(
    environment: Environment,
    source: object,
    name: str | None = None,
    filename: str | None = None,
    raw: bool = False,
    defer_init: bool = False,
) -> Hashable:
    """Of a file of ours: its code is the same wherever the names that it is compiled with are."""
    if not isinstance(source, str) or name is None or isinstance(environment, LetterEnvironment):
        return None
    made_with = (environment.trim_blocks, *(environment.globals.get(word) for word in ("locale", "zone")))
    return (source, name, filename, raw, defer_init, made_with)


def _letter(template: Template, *, channel: str, locale: str, layout: Layout) -> Hashable:
    return (channel, locale, layout.name, tuple(template.locales[locale].items()))


def _source(source: str, sandbox: LetterEnvironment) -> Hashable:
    return (source, sandbox.autoescape, sandbox.trim_blocks)
