"""What was typed but cannot be saved now, because the session has ended or a part of the service does not answer. It
goes back to the browser, without secrets, and returns with the next form."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.admin.forms import SECRETS, Values, plain
from chalicelib.errors import InvalidError, Phrase
from chalicelib.text import strict_json

TYPED = "typed"  # the hidden field that holds it
_OWN = frozenset({"token", "base", "seen", "mine", "theirs"})  # what forms say of themselves
# What was chosen, not typed: it comes back with the form, and its value alone says little.
_CHOSEN = frozenset({"template", "campaign", "channels", "audience", "every", "misfire", "scope", "role", "state"})


class Kept(NamedTuple):
    """`values` are given back; `files` and `secret` are not, which the page says."""

    values: Mapping[str, list[str]]
    files: bool
    secret: bool

    @property
    def shown(self) -> dict[str, str]:
        """By field, for the person to see that nothing is lost."""
        texts = {name: plain("\n".join(values)) for name, values in self.values.items() if name not in _OWN | _CHOSEN}
        return {name: text for name, text in texts.items() if text}

    @property
    def packed(self) -> str:
        """As a hidden field holds it."""
        return json.dumps(self.values, ensure_ascii=False)

    def __bool__(self) -> bool:
        """Whether anything was typed at all."""
        return self.files or self.secret or any(any(self.values[name]) for name in self.values.keys() - _OWN)


def keep(form: Values, files: Mapping[str, bytes]) -> Kept:
    """The part of a form that can be given back."""
    values = {name: list(found) for name, found in form.items() if name not in SECRETS}
    secret = any(any(form[name]) for name in SECRETS & form.keys() if name != "token")
    return Kept(values, any(files.values()), secret)


def unpacked(form: Values, name: str) -> dict[str, list[str]]:
    """The fields in a hidden field. Raises: InvalidError (permanent): it holds something else."""
    try:
        found = strict_json(next(iter(form.get(name, ())), ""))
    except ValueError as error:
        raise InvalidError.of(name, Phrase("expected the fields of a form")) from error
    lists = list(found.values()) if isinstance(found, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise InvalidError.of(name, Phrase("expected the fields of a form"))
    return {str(key): values for key, values in found.items() if key not in SECRETS}
