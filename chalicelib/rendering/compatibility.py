"""What a new version of a template no longer accepts from users of the previous one. Checked before it is stored, as
their requests would be refused from then on."""

from collections.abc import Iterator, Mapping

from chalicelib.errors import FieldError, Phrase
from chalicelib.rendering.finishing import is_of_reader
from chalicelib.rendering.model import Template, Variable, VariableType

# Every value of the one type is a value of the other.
_WIDER = {
    (VariableType.INTEGER, VariableType.NUMBER),
    (VariableType.URL, VariableType.STRING),
    (VariableType.DATE, VariableType.STRING),
}


def narrowed(before: Template, after: Template) -> list[FieldError]:
    """Everything that somebody may be sending, omitting or reading and that the new version refuses or lacks; empty if
    it accepts whatever the previous one did."""
    gone = [channel for channel in before.written_for if channel not in after.written_for]
    silent = [locale for locale in before.locales if locale not in after.locales]
    needed = [path for path in after.nothing_without if path not in before.nothing_without and not is_of_reader(path)]
    return [
        *_variables(before, after),
        *(FieldError("channels", Phrase("{channel} is removed", channel=channel)) for channel in gone),
        *(
            FieldError(f"locales.{locale}", Phrase("it is removed: its readers get another language"))
            for locale in silent
        ),
        *(FieldError("nothing_without", Phrase("{path} may not be empty now", path=path)) for path in needed),
    ]


def _variables(before: Template, after: Template) -> Iterator[FieldError]:
    if after.variables is None:
        return
    if before.variables is None:
        yield FieldError("variables", Phrase("they are declared now: no others are accepted"))
    for name in before.variables or {}:
        if name not in after.variables:
            yield FieldError(f"variables.{name}", Phrase("it is removed: whoever sends it is refused"))
    yield from _declared("variables", before.variables or {}, after.variables)


def _declared(path: str, before: Mapping[str, Variable], after: Mapping[str, Variable]) -> Iterator[FieldError]:
    for name, now in after.items():
        place, was = f"{path}.{name}", before.get(name)
        if was is None:
            if now.required:
                yield FieldError(place, Phrase("it is new and required"))
            continue
        if now.required and not was.required:
            yield FieldError(place, Phrase("it is required now"))
        if now.type is not was.type:
            if (was.type, now.type) not in _WIDER:
                yield FieldError(place, Phrase("its type was {was}, and is {now}", was=was.type, now=now.type))
        elif now.fields is not None:
            yield from _declared(f"{place}.fields", was.fields or {}, now.fields)
