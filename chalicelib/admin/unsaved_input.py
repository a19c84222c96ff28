"""What was typed, when it cannot be saved now: the session is over, or a part of the service does not answer. It goes
back to the browser, without what is secret, and comes again with the next form."""

import json
from collections.abc import Mapping
from typing import NamedTuple

from chalicelib.admin.forms import SECRETS, Values, plain
from chalicelib.errors import InvalidError
from chalicelib.text import strict_json

TYPED = "typed"  # the hidden field that holds it
_OWN = frozenset({"token", "base", "seen", "mine", "theirs"})  # what forms say of themselves
# What was chosen and not written: it comes back with the form, and says little by its value alone.
_CHOSEN = frozenset({"template", "campaign", "channels", "audience", "every", "misfire", "scope", "role", "state"})


class Kept(NamedTuple):
    """`values` are given back; `files` and `secret` are not, and whoever typed them is told so."""

    values: Mapping[str, list[str]]
    files: bool
    secret: bool

    @property
    def shown(self) -> dict[str, str]:
        """What somebody reads to see that nothing is lost, by field."""
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
    """What of a form can be given back."""
    values = {name: list(found) for name, found in form.items() if name not in SECRETS}
    secret = any(any(form[name]) for name in SECRETS & form.keys() if name != "token")
    return Kept(values, any(files.values()), secret)


def unpacked(form: Values, name: str) -> dict[str, list[str]]:
    """Fields out of a hidden field. Raises: InvalidError (permanent): it holds something else."""
    try:
        found = strict_json(next(iter(form.get(name, ())), ""))
    except ValueError as error:
        raise InvalidError.of(name, "expected the fields of a form") from error
    lists = list(found.values()) if isinstance(found, dict) else [None]
    if not all(isinstance(one, list) and all(isinstance(text, str) for text in one) for one in lists):
        raise InvalidError.of(name, "expected the fields of a form")
    return {str(key): values for key, values in found.items() if key not in SECRETS}
