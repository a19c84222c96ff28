"""The base of what comes from outside: requests, messages, settings."""

from pydantic import BaseModel, ConfigDict


class StrictModel(BaseModel):
    """Never changes, refuses what it does not know, and is built at its first use: a cold start builds none."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
