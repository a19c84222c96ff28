"""Letters that are about something else than their HTML."""

from collections.abc import Iterator, Mapping

import pytest
from jinja2 import Template

from chalicelib.rendering.html_part import compile_html
from chalicelib.rendering.layout import Layout
from tests.unit.rendering.letters import HTML


@pytest.fixture(scope="package", autouse=True)
def usual_html_is_compiled_once() -> Iterator[None]:
    """With the layout around it, it is far more to compile than what most tests are about."""
    usual: dict[str, Mapping[str, Template]] = {}

    def compiled(html: str, layout: Layout) -> Mapping[str, Template]:
        if html != HTML:
            return compile_html(html, layout)
        if layout.name not in usual:
            usual[layout.name] = compile_html(html, layout)
        return usual[layout.name]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("chalicelib.rendering.html_part.compile_html", compiled)
        yield
