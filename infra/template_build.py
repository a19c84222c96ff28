"""The infra stack as plain CloudFormation: `template.yaml` with the queues and subsystems of the manifest, a parameter
and a variable for every setting, and with its loops, SAM's functions and the stage's name expanded. AWS, LocalStack and
the local cloud get the same readable text (ADR 0084).

python -m infra.template_build prod      # build/infra-prod.json
"""

import json
import logging
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import jinja2

from chalicelib.manifest import CHANNELS, SUBSYSTEMS, ChannelSpec
from infra.archive import alone, digest_of
from infra.paths import BUILD, ROOT, TEMPLATE
from infra.variables import conditions, parameters, references

# The last: who writes it out.
_SOURCES = ("infra/template.yaml", "chalicelib/manifest.py", "infra/template_build.py", "requirements-dev.txt")
_REGION = "us-east-1"  # SAM wants one; nothing of it is in the result, which every region takes


class TemplateError(RuntimeError):
    """`template.yaml` cannot be expanded; the message says where."""


def built_template(stage: str) -> str:
    """A stage's template, made again only if a source has changed. Raises: TemplateError."""
    built = _place(stage)
    variables = json.dumps([parameters(), conditions(), references()])
    wanted = digest_of(((name, ROOT / name) for name in _SOURCES), variables)
    stamp = built.with_suffix(".sha256")
    with alone(built):
        if not (built.exists() and stamp.exists() and stamp.read_text() == wanted):
            built.write_text(json.dumps(plain_template(TEMPLATE, stage), indent=1) + "\n")
            stamp.write_text(wanted)
        return built.read_text()


def plain_template(source: Path, stage: str) -> dict[str, Any]:
    """Raises: TemplateError."""
    template = without_sam(_with_variables(_without_loops(source)))
    # A table that a destroyed stack has left behind is taken in again by its name, and only by one that is written out
    # (AWS, "Import AWS resources into a CloudFormation stack automatically").
    return {**template, "Resources": _named(template["Resources"], {"Stage": stage})}


def _place(stage: str) -> Path:
    return BUILD / f"infra-{stage}.json"


def template_text(source: Path = TEMPLATE) -> str:
    """`source` with the manifest in it: lines `#% for …` repeat what follows them, `<<…>>` is a value."""
    environment = jinja2.Environment(
        line_statement_prefix="#%",
        variable_start_string="<<",
        variable_end_string=">>",
        undefined=jinja2.StrictUndefined,
        keep_trailing_newline=True,
        autoescape=True,  # of names that have nothing to escape
    )
    return environment.from_string(source.read_text()).render(
        deliver_queues=[_queue(*one) for one in _deliver_queues()],
        subsystems=[{"id": _id(name), "name": name} for name in SUBSYSTEMS],
    )


def _deliver_queues() -> Iterator[tuple[ChannelSpec, str, int, bool]]:
    for channel in CHANNELS.values():
        for name, workers, bulk in zip(channel.queues, channel.workers, (False, True), strict=True):
            yield channel, name, workers, bulk


def _queue(channel: ChannelSpec, name: str, workers: int, bulk: bool) -> dict[str, Any]:
    own = (
        "" if channel.name == "email" else _id(channel.name)
    )  # e-mail was first: its sources have no name of their own
    source = f"{own}Bulk" if bulk else own or "Instant"
    return {"id": _id(name), "name": name, "source": source, "workers": workers, "bulk": bulk}


def _id(name: str) -> str:
    return "".join(word.title() for word in name.split("-"))


def _without_loops(source: Path) -> dict[str, Any]:
    from cfnlint.decode.cfn_yaml import loads
    from cfnlint.template import Template
    from cfnlint.template.transforms._language_extensions import language_extension

    mistakes, template = language_extension(Template(str(source), loads(template_text(source), str(source)), [_REGION]))
    if mistakes:
        raise TemplateError("; ".join(f"{source.name}:{one.linenumber}: {one.message}" for one in mistakes))
    written: dict[str, Any] = json.loads(json.dumps(template))
    del written["Mappings"]  # read by the loops alone
    return written


def _with_variables(template: dict[str, Any]) -> dict[str, Any]:
    template["Parameters"] = {**parameters(), **template["Parameters"]}
    template["Conditions"] |= conditions()
    template["Globals"]["Function"]["Environment"] = {"Variables": references()}
    return template


def _named(node: Any, known: Mapping[str, str]) -> Any:
    """With known values in place of references to them."""
    if isinstance(node, list):
        return [_named(one, known) for one in node]
    if not isinstance(node, dict):
        return node
    if node.get("Ref") in known:
        return known[node["Ref"]]
    if "Fn::Sub" in node:
        return _substituted(node["Fn::Sub"], known)
    return {name: _named(value, known) for name, value in node.items()}


def _substituted(argument: Any, known: Mapping[str, str]) -> Any:
    text, own = argument if isinstance(argument, list) else (argument, {})
    own = {name: _named(value, known) for name, value in own.items()}
    for name, value in {**known, **own}.items():
        if isinstance(value, str):
            text = text.replace(f"${{{name}}}", value)
    left = {name: value for name, value in own.items() if not isinstance(value, str)}
    if "${" not in text:
        return text
    return {"Fn::Sub": [text, left] if left else text}


def without_sam(template: dict[str, Any]) -> dict[str, Any]:
    """A template with SAM's resources expanded, as AWS itself would, offline."""
    import boto3
    from samtranslator.parser.parser import Parser
    from samtranslator.translator.translator import Translator

    logging.getLogger("samtranslator.metrics").setLevel(logging.ERROR)  # it would like to publish some
    del template["Transform"]
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=_REGION))
    plain: dict[str, Any] = translator.translate(template, parameter_values={}, get_managed_policy_map=dict)
    return plain


if __name__ == "__main__":
    chosen = sys.argv[1]
    built_template(chosen)
    print(_place(chosen).relative_to(ROOT))
