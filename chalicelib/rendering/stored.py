"""The versions that are written down, on DynamoDB: those that people saved, and those that came with some code, for
whoever runs other code. Nothing here is ever changed or forgotten: a letter may wait for its version for weeks."""

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError, Phrase
from chalicelib.etags import Seen
from chalicelib.rendering.layout import Layout
from chalicelib.rendering.model import Template, Version
from chalicelib.rendering.shipped import LAYOUT
from chalicelib.schemas import recalled
from chalicelib.storage.dynamodb import dynamodb, find, reaching_dynamodb, save_if
from chalicelib.storage.rows.configuration import SHIPPED_PLACE, TemplateRow, shipped_row_key

NEWEST = "newest"


class TemplateTable:
    """The stored templates of one stage; `rendering.store.StoredTemplates`."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def latest(self, key: str) -> int | None:
        """The number of the newest version, if any was saved. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = TemplateRow.query(
                key, scan_index_forward=False, limit=1, consistent_read=True, attributes_to_get=["key", "version"]
            )
            return next((int(row.version) for row in rows), None)

    def version(self, key: str, version: Version) -> Template | None:
        """One version. Raises: UnavailableError (retryable)."""
        if isinstance(version, str):
            row = find(TemplateRow, shipped_row_key(key, version), SHIPPED_PLACE)
        else:
            row = find(TemplateRow, key, version)
        return _template(row) if row else None

    def newest(self) -> list[Template]:
        """The newest version of every key that has one, by key. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return [_template(row) for row in TemplateRow.in_order.query(NEWEST)]

    def layout(self, name: str) -> Layout | None:
        """One version of the layout. Raises: UnavailableError (retryable)."""
        row = find(TemplateRow, shipped_row_key(LAYOUT, name), SHIPPED_PLACE)
        return Layout.stored(row.body) if row else None

    def keep(self, content: Template | Layout) -> None:
        """Writes a shipped version down, unless it is. Raises: UnavailableError (retryable)."""
        save_if(shipped_row(content, at=rfc3339(self._clock())), TemplateRow.key.does_not_exist())

    def add(self, template: Template, *, shipped: Template | None, by: str, seen: Seen | None = None) -> Template:
        """Stores `template` as its key's next version, over the shipped one where there is one; with `seen`, only after
        that one. Raises: ChangedError, ConflictError (permanent: another was stored meanwhile; read it and try again),
        UnavailableError (retryable)."""
        known = self.latest(template.key)
        if seen is not None:
            newest = shipped if known is None else self.version(template.key, known)
            seen.require(newest.fields if newest else None, what=Phrase("the template {key}", key=template.key))
        hides = shipped.version if shipped else None
        stored = template.model_copy(update={"version": (known or 0) + 1, "hides": hides})
        body, at = stored.model_dump(mode="json"), rfc3339(self._clock())
        row = TemplateRow(template.key, stored.version, newest=NEWEST, body=body, created_at=at, created_by=by)
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=dynamodb()) as transaction:
                    transaction.save(row, condition=TemplateRow.key.does_not_exist())
                    if known is not None:
                        before = TemplateRow(template.key, known)
                        transaction.update(before, actions=[TemplateRow.newest.remove()])
                return stored
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
        if seen is not None:
            return self.add(template, shipped=shipped, by=by, seen=seen)  # what another stored is not what was seen
        raise ConflictError(
            Phrase("another version of {key} was stored at this moment; read it and try again", key=template.key)
        )


def shipped_row(content: Template | Layout, *, at: str) -> TemplateRow:
    """What a shipped version is written down as."""
    if isinstance(content, Layout):
        key, body = shipped_row_key(LAYOUT, content.name), content.body
    else:
        key, body = shipped_row_key(content.key, str(content.version)), content.model_dump(mode="json")
    return TemplateRow(key, SHIPPED_PLACE, body=body, created_at=at, created_by="deploy")


def _template(row: TemplateRow) -> Template:
    # Newer code may have written it, with fields that this code does not know.
    return recalled(Template, row.body)
