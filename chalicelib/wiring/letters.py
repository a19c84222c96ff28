"""Templates and their renderer."""

from functools import cache
from typing import TYPE_CHECKING

from chalicelib.clock import now
from chalicelib.settings import settings

if TYPE_CHECKING:
    from chalicelib.rendering.render import Renderer
    from chalicelib.rendering.stored import TemplateTable
    from chalicelib.rendering.template_store import TemplateStore


@cache
def template_table() -> "TemplateTable":
    """Templates that people wrote."""
    from chalicelib.rendering.stored import TemplateTable

    return TemplateTable(clock=now)


@cache
def templates() -> "TemplateStore":
    """All templates, shipped and stored."""
    from chalicelib.rendering.template_store import TemplateStore

    return TemplateStore(template_table())


def new_renderer() -> "Renderer":
    """A renderer with nothing in its cache, for drafts: they share a version number until one is stored."""
    from chalicelib.manifest import CHANNELS
    from chalicelib.rendering.render import Renderer, Site

    return Renderer(channels=CHANNELS, site=Site(name=settings().site_name, url=settings().site_url))


@cache
def renderer() -> "Renderer":
    """The renderer of stored versions."""
    return new_renderer()
