"""A picture on the whole service: added by the API, made ready by its worker, served as readers get it."""

import base64
from typing import Any

import pytest
import requests

from tests.e2e.conftest import Vestnik, eventually
from tests.pictures import drawn, opened, photo_of_a_phone

pytestmark = pytest.mark.e2e


def ready(vestnik: Vestnik, content: bytes, **more: Any) -> dict[str, Any]:
    body = {"file": base64.b64encode(content).decode(), "alt": {"en": "A gradient"}, **more}
    answer = vestnik.call("POST", "/v1/media", body)
    assert answer.status_code == 202, answer.text

    def look() -> dict[str, Any] | None:
        seen: dict[str, Any] = vestnik.call("GET", f"/v1/media/{answer.json()['id']}").json()
        return None if seen["state"] == "processing" else seen

    found = eventually(look)
    assert found is not None
    return found


def test_readers_get_a_picture_that_their_programs_keep(vestnik: Vestnik) -> None:
    shown = ready(vestnik, drawn("WEBP", (1400, 700)))
    assert shown["state"] == "ready", shown
    for url, size in ((shown["url"], (600, 300)), (shown["url_2x"], (1200, 600))):
        got = requests.get(url, timeout=30)
        assert (got.status_code, got.headers["content-type"]) == (200, shown["type"])
        assert got.headers["cache-control"] == "public, max-age=31536000, immutable"
        assert got.headers["x-content-type-options"] == "nosniff"
        assert opened(got.content).size == size


def test_an_upload_is_nobodys_and_gone_once_it_is_ready(vestnik: Vestnik) -> None:
    shown = ready(vestnik, photo_of_a_phone())
    account = vestnik.cloud.account
    bucket = account.bucket_name("local", "media")
    there = [one["Key"] for one in account.s3.list_objects_v2(Bucket=bucket)["Contents"] if shown["id"] in one["Key"]]
    assert there == [f"media/{shown['id']}.jpg"]
    past_the_cdn = f"{vestnik.cloud.emulator_url}/{bucket}/media/{shown['id']}.jpg"
    assert requests.get(past_the_cdn, timeout=30).status_code == 403
    uploads = shown["url"].replace("/media/", "/originals/").removesuffix(".jpg")
    assert requests.get(uploads, timeout=30).status_code == 403


def test_what_was_taken_out_is_still_shown_in_letters_that_were_sent(vestnik: Vestnik) -> None:
    shown = ready(vestnik, drawn("PNG", (200, 100)))
    assert vestnik.call("DELETE", f"/v1/media/{shown['id']}").status_code == 204
    assert vestnik.call("GET", f"/v1/media/{shown['id']}").status_code == 404
    assert requests.get(shown["url"], timeout=30).status_code == 200
