"""The shapes of all that one release of the service writes and another one reads: jobs, documents in rows, the
attributes of tables, and the words that they hold."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from pynamodb.attributes import Attribute

from chalicelib.campaigns.content_source import Content
from chalicelib.campaigns.held_chunks import Chunk
from chalicelib.campaigns.jobs import FanoutJob, LoadJob
from chalicelib.campaigns.model import Campaign
from chalicelib.categories import CATEGORIES
from chalicelib.configuration.setting_shapes import EventStep
from chalicelib.configuration.site_values import SiteValues
from chalicelib.deliveries import DeliveryStatus
from chalicelib.live.flood_control import FloodState
from chalicelib.live.jobs import GreetJob, PresenceJob
from chalicelib.manifest import CHANNELS, CONSUMERS
from chalicelib.pipeline.jobs import DeliverJob, DigestJob, EnrichJob, EnrichRecipient, LetterSpec
from chalicelib.pipeline.retry import RetryJob
from chalicelib.profiles.preferences import Preferences
from chalicelib.rendering.model import Template
from chalicelib.security.signing import LetterClaims
from chalicelib.storage.endpoints import Endpoint
from tests.integration.conftest import TABLES

# What travels, and what rows hold as one document.
JOBS: tuple[type[BaseModel], ...] = (
    EnrichJob,
    DeliverJob,
    DigestJob,
    RetryJob,
    FanoutJob,
    LoadJob,
    GreetJob,
    PresenceJob,
)
DOCUMENTS: tuple[type[BaseModel], ...] = (
    Campaign,
    Chunk,
    Content,
    Endpoint,
    EnrichRecipient,
    EventStep,
    LetterSpec,
    Preferences,
    SiteValues,
    FloodState,
    Template,
)
# Where a table's attribute holds a document (of a list of them, each).
HELD: Mapping[tuple[str, str], type[BaseModel]] = {
    ("CampaignRow", "spec"): Campaign,
    ("DigestRow", "letter"): LetterSpec,
    ("EndpointRow", "endpoints"): Endpoint,
    ("EventRow", "steps"): EventStep,
    ("ParkedRow", "chunk"): Chunk,
    ("PersonRow", "limits"): FloodState,
    ("PreferencesRow", "preferences"): Preferences,
    ("RequestRow", "letter"): LetterSpec,
    ("RunRow", "letter"): LetterSpec,
    ("RunRow", "spec"): Campaign,
}
_TOLD = ("title", "description", "examples", "additionalProperties")


def shapes() -> dict[str, Any]:
    """Of this checkout, as JSON."""
    return {
        "models": _plain(models_json_schema([(kind, "validation") for kind in (*JOBS, *DOCUMENTS)])[1]["$defs"]),
        "tables": {row.__name__: _attributes(row) for row in rows()},
        "words": {
            "categories": sorted(CATEGORIES),
            "claims of a link": [f"{n} {name}" for n, name in enumerate(LetterClaims._fields)],
            "channels": sorted(CHANNELS),
            "queues": sorted(CONSUMERS),
            "statuses": sorted(DeliveryStatus),
        },
    }


def rows() -> Iterator[Any]:
    """Every kind of row: of a table with several, each."""
    for table in TABLES:
        yield table
        yield from table.__subclasses__()


def _attributes(row: Any) -> dict[str, Any]:
    attributes: Mapping[str, Attribute[Any]] = row.get_attributes()
    return {
        one.attr_name: {"type": one.attr_type, "optional": one.null or one.default is not None}
        for one in attributes.values()
    }


def _plain(schema: Any) -> Any:
    """Without what is told to people; what is not known is read over, whatever a model says to callers."""
    if isinstance(schema, dict):
        return {name: _plain(value) for name, value in schema.items() if name not in _TOLD or not _is_told(value)}
    return [_plain(one) for one in schema] if isinstance(schema, list) else schema


def _is_told(value: Any) -> bool:
    return isinstance(value, str | bool | list)  # a field may have such a name too: its schema is no text
