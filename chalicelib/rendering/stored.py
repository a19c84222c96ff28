"""Templates that were written after the code was shipped, on DynamoDB: the store asks for them, the API writes them."""

from pynamodb.exceptions import TransactWriteError
from pynamodb.transactions import TransactWrite

from chalicelib.clock import Clock, rfc3339
from chalicelib.errors import ConflictError
from chalicelib.rendering.model import SHIPPED_VERSION, Template
from chalicelib.seen import Seen
from chalicelib.storage.base import dynamodb, reaching_dynamodb
from chalicelib.storage.configuration import TemplateRow

_NEWEST = "newest"


class TemplateTable:
    """The stored templates of one stage; `rendering.store.StoredTemplates`."""

    def __init__(self, *, clock: Clock) -> None:
        self._clock = clock

    def latest(self, key: str) -> Template | None:
        """The newest version, if any was stored. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            rows = TemplateRow.query(key, scan_index_forward=False, limit=1, consistent_read=True)
            return next((Template.model_validate(row.body) for row in rows), None)

    def version(self, key: str, version: int) -> Template | None:
        """One version. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            try:
                return Template.model_validate(TemplateRow.get(key, version).body)
            except TemplateRow.DoesNotExist:
                return None

    def newest(self) -> list[Template]:
        """The newest version of every key that has one, by key. Raises: UnavailableError (retryable)."""
        with reaching_dynamodb():
            return [Template.model_validate(row.body) for row in TemplateRow.in_order.query(_NEWEST)]

    def add(
        self, template: Template, *, by: str, seen: Seen | None = None, shipped: Template | None = None
    ) -> Template:
        """Stores `template` as its key's next version; with `seen`, only after that one (`shipped`: the one where none
        was stored). Raises: ChangedError, ConflictError (permanent: another was stored meanwhile; read it and try
        again), UnavailableError (retryable)."""
        known = self.latest(template.key)
        if seen is not None:
            newest = known or shipped
            seen.require(newest.fields if newest else None, what=f"the template {template.key}")
        version = (known.version if known else SHIPPED_VERSION) + 1
        stored = template.model_copy(update={"version": version})
        body, at = stored.model_dump(mode="json"), rfc3339(self._clock())
        row = TemplateRow(template.key, version, newest=_NEWEST, body=body, created_at=at, created_by=by)
        with reaching_dynamodb():
            try:
                with TransactWrite(connection=dynamodb()) as transaction:
                    transaction.save(row, condition=TemplateRow.key.does_not_exist())
                    if known is not None:
                        before = TemplateRow(known.key, known.version)
                        transaction.update(before, actions=[TemplateRow.newest.remove()])
                return stored
            except TransactWriteError as error:
                if not error.cancellation_reasons:
                    raise
        if seen is not None:
            return self.add(template, by=by, seen=seen)  # what another stored is not what was seen
        raise ConflictError(f"another version of {template.key} was stored at this moment; read it and try again")
