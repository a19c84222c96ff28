"""What travels through the queue `media`."""

from typing import Annotated

from pydantic import Field

from chalicelib.pipeline.jobs import Job

PictureId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class MediaJob(Job):
    """Make an uploaded picture ready for letters."""

    picture_id: PictureId
