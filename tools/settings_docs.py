"""docs/settings.md out of the declarations: the variables of every function, and the keys of a stage. Run by
`make docs`.

python -m tools.settings_docs       # writes the page
"""

from collections.abc import Iterable, Iterator, Mapping

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from infra.paths import ROOT
from infra.stage_config import FunctionConfig, StageConfig
from infra.variables import default_of, fields

PAGE = ROOT / "docs" / "settings.md"
_LISTED_ABOVE = ("environment_variables",)
_HEAD = """# Settings

Made by `make docs` of their declarations, `chalicelib/settings.py`, `infra/variables.py` and `infra/stage_config.py`:
change them there. What managers change while the service runs (limits, switches, pages' texts) is not here: it lives in
tables.

`.chalice/config.json` holds what each stage says: variables under `environment_variables`, of all stages or of one, and
keys beside them. `make deploy` gives every variable to every function, of the workers and of the app, with its default
where the stage says nothing. A key or a variable that nothing reads, and a value that is not valid, are refused before
anything is built, with what was probably meant. `make doctor` compares the live functions with the file. The value of a
variable is always a text in quotes.
`VESTNIK_STAGE` and `POWERTOOLS_SERVICE_NAME` must follow from the stage's name; they are written out because plain
`chalice deploy` reads nothing but this file.
"""
_VARIABLES = """
## Variables

A function does not start without a variable that is required, or with a wrong one, and names it. One that it does not
know is ignored: after a roll-back an older release may meet a newer variable.

| variable | default | meaning |
|---|---|---|
"""
_OF_LIBRARIES = """
Powertools, pydantic and boto3 read these by themselves. `AWS_ENDPOINT_URL` and those of a service lead all of AWS, or
one part of it, to an emulator.

| variable | default | meaning |
|---|---|---|
"""
_KEYS = """
## Keys of a stage

Those that Chalice knows may stand for all stages, too.

| key | default | meaning |
|---|---|---|
"""
_OF_A_FUNCTION = """
A function of the app may have its own `environment_variables`, and these keys, under `lambda_functions` by its name:
`api_handler`, `public_pages`, `websocket_connect`, `websocket_message`, `websocket_disconnect`.

| key | default | meaning |
|---|---|---|
"""


def page() -> str:
    """The whole page."""
    own = {name: field for name, field in fields().items() if name.startswith("VESTNIK_")}
    others = {name: field for name, field in fields().items() if name not in own}
    parts = [_HEAD, _VARIABLES, *_rows(own), _OF_LIBRARIES, *_rows(others)]
    parts += [_KEYS, *_rows(_keys(StageConfig, without=[*_LISTED_ABOVE, "lambda_functions"]))]
    parts += [_OF_A_FUNCTION, *_rows(_keys(FunctionConfig, without=_LISTED_ABOVE))]
    return "".join(parts)


def _keys(model: type[BaseModel], *, without: Iterable[str]) -> Mapping[str, FieldInfo]:
    return {name: field for name, field in model.model_fields.items() if name not in without}


def _rows(declared: Mapping[str, FieldInfo]) -> Iterator[str]:
    for name, field in declared.items():
        default = "none" if field.default is None else default_of(field)
        told = "required" if field.is_required() else "none" if default in ("", "none") else f"`{default}`"
        yield f"| `{name}` | {told} | {field.description} |\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    print(PAGE.relative_to(ROOT))
