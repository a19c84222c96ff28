"""What travels through the queue `media`."""

from typing import Annotated

from chalicelib.errors import Phrase
from chalicelib.pipeline.jobs import Job
from chalicelib.text import shaped

PictureId = Annotated[str, shaped(r"^[0-9a-f]{32}$", Phrase("expected the id of a picture"))]


class MediaJob(Job):
    """Make an uploaded picture ready for letters."""

    picture_id: PictureId
