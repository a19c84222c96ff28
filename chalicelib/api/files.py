"""`/v1/files`: files for letters to carry."""

from http import HTTPStatus
from typing import Any

from chalicelib.accounts.api_keys import Scope
from chalicelib.api.answers import ApiAnswer
from chalicelib.api.campaign_answers import Upload
from chalicelib.api.checked_call import Call
from chalicelib.api.endpoint import endpoint
from chalicelib.stage.app import stage
from chalicelib.storage.attachment_files import UPLOAD_HEADERS, URL_SECONDS


class FileAnswer(ApiAnswer):
    """A file to upload."""

    id: str
    upload: Upload


@endpoint(
    "POST",
    "/v1/files",
    summary="Request the upload of a file",
    scope=Scope.SEND,
    answer=FileAnswer,
    status=HTTPStatus.CREATED,
)
def create_file(call: Call[None, None]) -> dict[str, Any]:
    """For `attachments` of letters and campaigns. `PUT` its bytes, at most 10 MB, to `upload.url` with
    `upload.headers`: once, what is there never changes. Then name it by its `id`, as often as you like."""
    id_ = call.own_id("file")
    upload = {
        "url": stage().attachment_files.upload_url(id_),
        "headers": UPLOAD_HEADERS,
        "expires_in_seconds": URL_SECONDS,
    }
    return {"id": id_, "upload": upload}
