"""What a button of the block editor does to the fields of its form, without a script: blocks are added, copied, moved
and left out, languages too. What is typed elsewhere in the form stays as it is."""

from collections.abc import Sequence

from chalicelib.admin.block_fields import COLUMNS, EVENT, FIELDS, FILM, FILMS, SHOW_IF, SIMPLE
from chalicelib.admin.letter_form import Form, items, languages_of
from chalicelib.errors import InvalidError, Phrase, phrase_of
from chalicelib.locales import normal_locale

OPERATION = "do"  # the name of the buttons; its value is a verb and what it is done to
_MOST = 100  # blocks in a list of a form

Changed = dict[str, list[str]]


def changed(form: Form, operation: str, *, zone: str = "") -> Changed:
    """The form after `add <list> <number before> <kind>`, `copy|up|down|delete <list> <number>`, `language-add`,
    `language-copy <locale>` or `language-delete <locale>`; `zone` is that of new events. Raises: InvalidError
    (permanent)."""
    now = {name: list(values) for name, values in form.items()}
    match operation.split():
        case ["add", listed, after, kind] if kind in (SIMPLE if listed.rpartition(".")[2] in COLUMNS else FIELDS):
            _insert(now, listed, after, _blank(now, listed, kind, zone))
        case ["copy", listed, number] if number in items(now, listed):
            _insert(now, listed, number, _copied(now, _prefix(listed), _prefix(listed), number))
        case ["up" | "down" as way, listed, number] if number in items(now, listed):
            _move(now, listed, number, -1 if way == "up" else 1)
        case ["delete", listed, number]:
            now[listed] = [one for one in items(now, listed) if one != number]
        case ["language-add"]:
            _add_language(now)
        case ["language-copy", locale] if locale in languages_of(now):
            _copy_language(now, _first(now, f"from.{locale}"), locale)
        case ["language-delete", locale] if len(languages_of(now)) > 1:
            _forget(now, locale)
        case _:
            raise InvalidError.of("form", Phrase("expected something that can be done to the letter"))
    return now


def _prefix(listed: str) -> str:
    """`doc.en` of `doc.en.blocks` and of `doc.en.7.films`."""
    return ".".join(listed.split(".")[:2])


def _first(form: Form, name: str) -> str:
    return next(iter(form.get(name, ())), "").strip()


def _next(form: Form, prefix: str) -> str:
    numbers = [int(part) for name in form if name.startswith(f"{prefix}.") and (part := name.split(".")[2]).isdecimal()]
    return str(max((one for one in numbers if one < 999_999), default=0) + 1)


def _insert(form: Changed, listed: str, after: str, number: str) -> None:
    """After that one; first, where it is none of the list."""
    held = items(form, listed)
    if len(held) >= _MOST:
        raise InvalidError.of("form", Phrase("expected at most {most} blocks", most=_MOST))
    held.insert(held.index(after) + 1 if after in held else 0, number)
    form[listed] = held


def _move(form: Changed, listed: str, number: str, by: int) -> None:
    held = items(form, listed)
    at = held.index(number)
    to = min(max(at + by, 0), len(held) - 1)
    held[at], held[to] = held[to], held[at]
    form[listed] = held


def _blank(form: Changed, listed: str, kind: str, zone: str) -> str:
    prefix = _prefix(listed)
    if prefix.partition(".")[2] not in languages_of(form):
        raise InvalidError.of("form", Phrase("expected something that can be done to the letter"))
    number = _next(form, prefix)
    form[f"{prefix}.{number}.kind"] = [kind]
    for ask in (*FIELDS[kind], SHOW_IF):
        form[f"{prefix}.{number}.{ask.name}"] = [ask.options[0] if ask.options else ""]
    if kind == EVENT:
        form[f"{prefix}.{number}.zone"] = [zone]
    if kind == FILMS:
        _insert(form, f"{prefix}.{number}.{FILMS}", "", _blank(form, listed, FILM, zone))
    return number


def _copied(form: Changed, source: str, target: str, number: str) -> str:
    """The number of the copy, with all that the block holds."""
    new = _next(form, target)
    kind = _first(form, f"{source}.{number}.kind")
    for name in ("kind", *(ask.name for ask in (*FIELDS.get(kind, ()), SHOW_IF))):
        form[f"{target}.{new}.{name}"] = list(form.get(f"{source}.{number}.{name}", [""]))[:1]
    for name in _lists_of(kind):
        inner = items(form, f"{source}.{number}.{name}")
        form[f"{target}.{new}.{name}"] = [_copied_leaf(form, source, target, one) for one in inner]
    return new


def _copied_leaf(form: Changed, source: str, target: str, number: str) -> str:
    """What is in a block holds no others: a form that says otherwise is not followed."""
    held = {name: form.pop(f"{source}.{number}.{name}", None) for name in (FILMS, *COLUMNS)}
    new = _copied(form, source, target, number)
    form.update({f"{source}.{number}.{name}": found for name, found in held.items() if found is not None})
    return new


def _lists_of(kind: str) -> Sequence[str]:
    return {FILMS: (FILMS,), "columns": COLUMNS}.get(kind, ())


def _add_language(form: Changed) -> None:
    try:
        locale = normal_locale(_first(form, "new_language"))
    except ValueError as error:
        raise InvalidError.of("new_language", phrase_of(error)) from error
    known = languages_of(form)
    if locale in known:
        raise InvalidError.of("new_language", Phrase("the letter has this language already"))
    form["new_language"] = [""]
    _copy_language(form, known[0], locale)


def _copy_language(form: Changed, source: str, locale: str) -> None:
    if source not in languages_of(form) or source == locale:
        raise InvalidError.of(f"from.{locale}", Phrase("expected another language of the letter"))
    kept, fresh = f"doc.{source}", f"doc.{locale}"
    place = list(form)
    _forget(form, locale)
    for name in ("subject", "preheader"):
        form[f"{fresh}.{name}"] = list(form.get(f"{kept}.{name}", [""]))[:1]
    form[f"{fresh}.blocks"] = [_copied(form, kept, fresh, one) for one in items(form, f"{kept}.blocks")]
    in_order = sorted(form, key=lambda name: place.index(name) if name in place else len(place))  # languages stay so
    for name in in_order:
        form[name] = form.pop(name)


def _forget(form: Changed, locale: str) -> None:
    for name in [one for one in form if one.startswith(f"doc.{locale}.")]:
        del form[name]
