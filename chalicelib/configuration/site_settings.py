"""Settings that managers change while the service runs (`settings.py` holds those of a deployment). Workers see a
change within `KNOWN_FOR_SECONDS`, a visit of a link within `VISIT_SECONDS`.

site = site_settings().current()
site.redirect_url, site.link_days.short
"""

from collections.abc import Callable, Mapping, Sequence
from email.utils import parseaddr
from time import monotonic
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from chalicelib.addresses import normal_url
from chalicelib.clock import Clock, rfc3339
from chalicelib.configuration.site_values import NAMES, SiteValues
from chalicelib.errors import ConflictError, FieldError, InvalidError, NotFoundError, Phrase
from chalicelib.etags import Seen, tag_of
from chalicelib.observability import logger
from chalicelib.schemas import kept, recalled
from chalicelib.security.redirects import host_of
from chalicelib.storage.configuration import StoredSetting, read_settings, save_setting

KNOWN_FOR_SECONDS = 15
VISIT_SECONDS = 1  # for visits of links: thousands a second would each read the same rows
_PUT_TRIES = 3
_T = TypeVar("_T")


class Setting(NamedTuple):
    """One setting as the API shows it; version 0 is the default that nobody has changed."""

    name: str
    value: Any
    version: int = 0
    updated_at: str | None = None
    updated_by: str | None = None

    @property
    def fields(self) -> dict[str, Any]:
        """What `seen` is compared with."""
        if isinstance(self.value, dict):
            return {f"value.{name}": one for name, one in self.value.items()}
        return {"value": self.value}

    @property
    def tag(self) -> str:
        """Of the value, as a caller has seen it."""
        return tag_of(self.fields)


class SiteSettings:
    """The site's settings. Each method raises UnavailableError (retryable)."""

    def __init__(self, *, site_url: str, mail_from: str, clock: Clock) -> None:
        name, address = parseaddr(mail_from)
        self._defaults: dict[str, Any] = {
            "site_host": host_of(normal_url(site_url)) or "",
            "redirect_url": site_url,
            "mail_domain": address.rpartition("@")[2],
            "sender": {"name": name or address, "address": address},
        }
        self._clock = clock
        self._known: tuple[float, Mapping[str, StoredSetting], SiteValues] | None = None
        self._writes = 0

    def current(self, *, fresh: bool = False, seconds: float = KNOWN_FOR_SECONDS) -> SiteValues:
        """All values, at most so many `seconds` old, or read now."""
        known = self._known
        if not fresh and known and monotonic() - known[0] < seconds:
            return known[2]
        return self.read_along(lambda names: (None, read_settings(names)))[1]

    def read_along(
        self, read: Callable[[Sequence[str]], tuple[_T, Mapping[str, StoredSetting]]]
    ) -> tuple[_T, SiteValues]:
        """What `read` finds, and all values as they are now: it is given their names, and reads them beside its own in
        one request."""
        known, writes = self._known, self._writes
        found, rows = read(NAMES)
        values = known[2] if known and known[1] == rows else self._values(rows)
        if writes == self._writes:  # otherwise another thread has written since, and this may be an older value
            self._known = (monotonic(), rows, values)
        return found, values

    def list(self) -> list[Setting]:
        rows = read_settings(NAMES)
        shown = self._values(rows).model_dump(mode="json")
        return [
            Setting(name, *rows[name]._replace(value=shown[name])) if name in rows else Setting(name, shown[name])
            for name in sorted(NAMES)
        ]

    def get(self, name: str) -> Setting:
        """One setting. Raises: NotFoundError (permanent)."""
        _require_known(name)
        return next(one for one in self.list() if one.name == name)

    def put(self, name: str, value: Any, *, by: str, seen: Seen | None = None) -> Setting:
        """Changes a setting; with `seen`, only if unchanged since. Raises: NotFoundError, InvalidError (it names each
        bad field), ConflictError, ChangedError (permanent: somebody else changed it)."""
        _require_known(name)
        for _ in range(_PUT_TRIES):
            rows = read_settings(NAMES)
            values = self._checked(rows, name, value)
            found = rows[name].version if name in rows else 0
            if seen is not None:
                before = self._values(rows).model_dump(mode="json")[name]
                seen.require(Setting(name, before).fields, what=Phrase("the setting {name}", name=name))
            setting = StoredSetting(values.model_dump(mode="json")[name], found + 1, rfc3339(self._clock()), by)
            try:
                saved = save_setting(name, setting)
            finally:  # what became of it may stay unknown
                self._writes += 1
                self._known = None
            if saved:
                return Setting(name, *setting)
        raise ConflictError(Phrase("the setting {name} is being changed by others: read it and try again", name=name))

    def checked(self, name: str, value: Any) -> Any:
        """The value as it would be stored. Raises: NotFoundError, InvalidError (permanent)."""
        _require_known(name)
        return self._checked(read_settings(NAMES), name, value).model_dump(mode="json")[name]

    def _checked(self, rows: Mapping[str, StoredSetting], name: str, value: Any) -> SiteValues:
        stored = {other: row.value for other, row in rows.items() if other != name}
        try:
            known = kept(recalled(SiteValues, {**self._defaults, **stored}))
            return SiteValues.model_validate({**self._defaults, **known, name: value})
        except ValidationError as error:
            from chalicelib.validation import mistakes_in  # here: no worker writes a setting

            raise InvalidError(
                Phrase("{name} is not as expected", name=name),
                [_in_value(one, name) for one in mistakes_in(error, whole=name)],
            ) from error

    def _values(self, rows: Mapping[str, StoredSetting]) -> SiteValues:
        values: dict[str, Any] = dict(self._defaults)
        # In this order, so that a redirect is judged by the hosts that are stored beside it.
        for name in sorted(rows):
            try:
                recalled(SiteValues, {**values, name: rows[name].value})
                values[name] = rows[name].value
            except ValidationError:
                # Written by another release. One such value must not stop every worker.
                logger().error("a stored setting is not understood, its default is used", setting=name)
        return recalled(SiteValues, values)


def _require_known(name: str) -> None:
    if name not in NAMES:
        raise NotFoundError(
            Phrase("there is no setting {name}; there are: {known}", name=name, known=", ".join(sorted(NAMES)))
        )


def _in_value(mistake: FieldError, name: str) -> FieldError:
    return mistake._replace(field=f"value{mistake.field.removeprefix(name)}")
