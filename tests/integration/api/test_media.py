"""Pictures by the API: added, made ready, found, described, and taken out once nothing shows them."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError

from chalicelib.media.shelf import FOR_EVER
from chalicelib.stage.app import Stage
from tests.integration.api.gateway import Gateway, Reply
from tests.integration.conftest import Pump
from tests.pictures import bomb, drawn, moving, noisy, opened, photo_of_a_phone
from tests.processes import compose

ALT = {"en": "A gradient", "ru": "Градиент"}
PROMO = {"headline": "Tonight", "text": "Half price", "url": "https://cinema.example/p"}


def add(api: Gateway, content: bytes, **more: Any) -> Reply:
    return api.post("/v1/media", {"file": base64.b64encode(content).decode(), "alt": ALT, **more})


def added(api: Gateway, pump: Pump, content: bytes, **more: Any) -> dict[str, Any]:
    """A picture that the worker has had."""
    reply = add(api, content, **more)
    assert reply.status == 202, reply.text
    assert pump.run() == []
    shown: dict[str, Any] = api.get(f"/v1/media/{reply.body['id']}").body
    return shown


def object_of(shelf: Any, url: str) -> Any:
    return shelf.Object(url.removeprefix("https://media.cinema.example/")).get()


def mistake(reply: Reply) -> tuple[int, str, str]:
    [one] = reply.body["errors"]
    return reply.status, one["field"], one["message"]


def test_a_photo_is_made_ready_in_two_sizes_that_caches_keep_for_ever(api: Gateway, pump: Pump, shelf: Any) -> None:
    first = add(api, noisy("WEBP", (1500, 900)), title="Foyer").body
    assert (first["state"], first["url"], first["title"]) == ("processing", None, "Foyer")

    pump.run()

    shown = api.get(f"/v1/media/{first['id']}").body
    assert shown["url"] == f"https://media.cinema.example/media/{first['id']}.jpg"
    assert shown["url_2x"] == f"https://media.cinema.example/media/{first['id']}@2x.jpg"
    assert (shown["state"], shown["type"], shown["alt"], shown["used_by"]) == ("ready", "image/jpeg", ALT, [])
    for url, width, height, size in (("url", 600, 360, "bytes"), ("url_2x", 1200, 720, "bytes_2x")):
        kept = object_of(shelf, shown[url])
        assert (kept["ContentType"], kept["CacheControl"]) == ("image/jpeg", FOR_EVER)
        content = kept["Body"].read()
        assert (opened(content).size, len(content)) == ((width, height), shown[size])
    assert [one.key for one in shelf.objects.filter(Prefix="originals/")] == []


def test_nothing_is_kept_of_where_a_photo_was_taken(api: Gateway, pump: Pump, shelf: Any) -> None:
    shown = added(api, pump, photo_of_a_phone())
    assert all(b"Anna" not in one.get()["Body"].read() for one in shelf.objects.all())
    assert (shown["width"], shown["height"], shown["url_2x"]) == (400, 800, None)


def test_the_same_picture_is_one_however_often_and_by_whomever_it_is_added(
    api: Gateway, pump: Pump, shelf: Any
) -> None:
    first = added(api, pump, drawn(), title="one")
    again = add(api, drawn(), title="another", alt={"de": "Verlauf"}).body
    assert (again["id"], again["title"], again["alt"], again["state"]) == (first["id"], "one", ALT, "ready")
    assert pump.waiting("media") == 0
    assert len(api.get("/v1/media").body["media"]) == 1


def test_a_repeated_message_changes_nothing(api: Gateway, pump: Pump, shelf: Any) -> None:
    add(api, drawn())
    [body] = pump.bodies("media")
    pump.run()
    before = {one.key: one.last_modified for one in shelf.objects.all()}
    for _ in range(2):
        pump.put("media", body)
        assert pump.run() == []
    assert {one.key: one.last_modified for one in shelf.objects.all()} == before
    assert api.get("/v1/media").body["media"][0]["state"] == "ready"


def test_a_message_of_a_picture_that_was_taken_out_is_nothing_to_do(api: Gateway, pump: Pump, shelf: Any) -> None:
    picture = add(api, drawn()).body["id"]
    [body] = pump.take("media")
    assert api.delete(f"/v1/media/{picture}").status == 204
    pump.put("media", body)
    assert pump.run() == []
    assert list(shelf.objects.all()) == []


def test_what_only_decoding_shows_is_refused_with_its_reason_and_may_come_again(
    api: Gateway, pump: Pump, shelf: Any
) -> None:
    damaged = bytearray(drawn("PNG", (200, 200)))
    damaged[60:90] = b"\xff" * 30
    for _ in range(2):
        shown = added(api, pump, bytes(damaged))
        assert (shown["state"], shown["url"]) == ("refused", None)
        assert "the file is damaged" in shown["problem"]
    assert list(shelf.objects.all()) == []


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 422, "the file is empty"),
    "a script": (b"<script>alert(1)</script>", 422, "expected a PNG, JPEG, GIF or WebP picture"),
    "half a picture": (drawn("JPEG", (300, 200))[:-300], 422, "the end of the file is missing"),
    "a bomb": (bomb(), 422, "expected at most 40 million pixels"),
    "a large file": (drawn() + b"x" * 4_000_000, 413, "at most 4 MB"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_picture_is_refused_at_its_field_and_nothing_is_kept(api: Gateway, shelf: Any, case: str) -> None:
    content, status, why = REFUSED[case]
    said = mistake(add(api, content))
    assert (said[:2], why in said[2]) == ((status, "file"), True), said
    assert api.get("/v1/media").body["media"] == []
    assert list(shelf.objects.all()) == []


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"file": "not base64!", "alt": ALT}, "file"),
        ({"alt": ALT}, "body"),
        ({"file": "x", "url": "https://films.example/p.png", "alt": ALT}, "body"),
        ({"file": base64.b64encode(drawn()).decode()}, "alt"),
        ({"file": base64.b64encode(drawn()).decode(), "alt": {}}, "alt"),
        ({"file": base64.b64encode(drawn()).decode(), "alt": {"en": " "}}, "alt.en"),
        ({"url": "http://films.example/p.png", "alt": ALT}, "url"),
        ({"url": "https://127.0.0.1/p.png", "alt": ALT}, "url"),
        ({"url": "https://intranet/p.png", "alt": ALT}, "url"),
    ],
)
def test_a_mistake_is_named_by_its_field(api: Gateway, shelf: Any, body: dict[str, Any], field: str) -> None:
    status, at, _ = mistake(api.post("/v1/media", body))
    assert (status, at) == (422, field)


@contextmanager
def cinema(content: bytes, status: int = 200) -> Iterator[str]:
    """The service with the posters; its address."""

    class Posters(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.send_header("Location", "http://127.0.0.1:1/elsewhere.png")
            self.send_header("Content-Type", "text/html")  # whatever it says
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Posters) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/films/dawn.png?size=large"
        server.shutdown()


@pytest.fixture
def inside(monkeypatch: pytest.MonkeyPatch, stage: None) -> None:
    """A stage whose sources may lie inside."""
    monkeypatch.setenv("VESTNIK_PRIVATE_ADDRESSES", "true")
    compose()


def test_a_poster_is_fetched_and_kept(api: Gateway, inside: None, pump: Pump, shelf: Any) -> None:
    with cinema(drawn("PNG", (300, 450))) as url:
        reply = api.post("/v1/media", {"url": url, "alt": ALT})
    assert (reply.status, reply.body["title"]) == (202, "dawn.png"), reply.text
    pump.run()
    assert api.get(f"/v1/media/{reply.body['id']}").body["state"] == "ready"


@pytest.mark.parametrize(
    ("content", "status", "why"),
    [
        (b"gone", 404, "the server answered 404"),
        (drawn(), 302, "the server answered 302"),
        (b"<html>", 200, "expected a PNG, JPEG, GIF or WebP picture"),
        (b"x" * 4_100_000, 200, "at most 4 MB"),
    ],
)
def test_what_is_no_picture_there_is_refused_at_the_address(
    api: Gateway, inside: None, shelf: Any, content: bytes, status: int, why: str
) -> None:
    with cinema(content, status) as url:
        _, field, message = mistake(api.post("/v1/media", {"url": url, "alt": ALT}))
    assert (field, why in message) == ("url", True), message


def test_a_server_that_does_not_answer_is_named(api: Gateway, inside: None, shelf: Any) -> None:
    _, field, _ = mistake(api.post("/v1/media", {"url": "http://127.0.0.1:1/p.png", "alt": ALT}))
    assert field == "url"


def test_pictures_are_found_by_their_words_newest_first(api: Gateway, shelf: Any) -> None:
    for n, title in enumerate(("Dawn poster", "Night poster", "Curtain")):
        add(api, drawn(size=(20 + n, 20)), title=title, alt={"ru": f"Афиша {n}"})

    def found(**query: str) -> list[str]:
        return [one["title"] for one in api.get("/v1/media", **query).body["media"]]

    assert found() == ["Curtain", "Night poster", "Dawn poster"]
    assert found(q="POSTER") == ["Night poster", "Dawn poster"]
    assert found(q="афиша 2") == ["Curtain"]
    assert found(q="poster 2") == []
    first = api.get("/v1/media", q="poster", limit="1").body
    assert [one["title"] for one in first["media"]] == ["Night poster"]
    assert found(q="poster", limit="1", cursor=first["cursor"]) == ["Dawn poster"]


def test_a_description_is_changed_by_language_and_never_lost_altogether(api: Gateway, shelf: Any) -> None:
    path = f"/v1/media/{add(api, drawn()).body['id']}"
    seen = api.get(path).headers["etag"]
    assert api.patch(path, {"alt": {"en": None, "de": "Verlauf"}}).body["alt"] == {"ru": "Градиент", "de": "Verlauf"}
    assert mistake(api.patch(path, {"alt": {"ru": None, "de": None}}))[:2] == (422, "alt")
    assert api.call("PATCH", path, {"alt": {"ru": "x"}}, headers={"if-match": seen}).status == 412
    assert [one["id"] for one in api.get("/v1/media", q="verlauf").body["media"]]
    assert api.get("/v1/media", q="gradient").body["media"] == []


def test_what_a_letter_may_still_show_is_not_taken_out(api: Gateway, pump: Pump, shelf: Any) -> None:
    shown = added(api, pump, drawn("JPEG", (900, 300)))
    path = f"/v1/media/{shown['id']}"
    template = api.get("/v1/templates/promo").body
    html = template["locales"]["en"]["email.html"]
    picture = f'<img src="{shown["url_2x"]}" alt="x" width="600">'
    locales = {**template["locales"], "en": {**template["locales"]["en"], "email.html": html + picture}}
    body = {name: template[name] for name in ("category", "channels", "default_locale", "variables", "sample")}
    assert api.put("/v1/templates/gallery", {**body, "locales": locales}).status == 200
    assert api.get(path).body["used_by"] == [{"kind": "template", "id": "gallery", "name": "gallery"}]
    refused = api.delete(path)
    assert (refused.status, "gallery" in refused.body["detail"]) == (409, True)

    assert api.put("/v1/templates/gallery", {**body, "locales": template["locales"]}).status == 200
    campaign = {
        "name": "Gallery",
        "template": "promo",
        "audience": {"everyone": True},
        "context": {**PROMO, "url": f"{shown['url']}?x"},
    }
    made = api.post("/v1/campaigns", campaign).body["id"]
    assert api.get(path).body["used_by"] == [{"kind": "campaign", "id": made, "name": "Gallery"}]
    assert api.delete(path).status == 409

    assert api.post(f"/v1/campaigns/{made}/cancel").status == 200
    assert api.delete(path).status == 204
    assert api.get(path).status == 404


def test_letters_that_were_sent_show_it_until_the_bucket_forgets_it(api: Gateway, pump: Pump, shelf: Any) -> None:
    shown = added(api, pump, drawn("JPEG", (900, 300)))
    assert api.delete(f"/v1/media/{shown['id']}").status == 204
    for url in (shown["url"], shown["url_2x"]):
        kept = object_of(shelf, url)
        assert (kept["ContentType"], kept["CacheControl"]) == ("image/jpeg", FOR_EVER)
        name = url.removeprefix("https://media.cinema.example/")
        tags = shelf.meta.client.get_object_tagging(Bucket=shelf.name, Key=name)["TagSet"]
        assert tags == [{"Key": "forgotten", "Value": "yes"}]

    again = added(api, pump, drawn("JPEG", (900, 300)))
    assert again["id"] == shown["id"]
    tags = shelf.meta.client.get_object_tagging(Bucket=shelf.name, Key=f"media/{shown['id']}.jpg")["TagSet"]
    assert tags == []


def test_a_deletion_that_died_half_way_is_completed_by_the_next_call(api: Gateway, pump: Pump, shelf: Any) -> None:
    path = f"/v1/media/{added(api, pump, drawn())['id']}"
    bucket = Stage.own().s3
    compose(s3=SilentS3())
    assert api.delete(path).status == 503
    assert (api.get(path).status, api.get("/v1/media").body["media"]) == (404, [])
    compose(s3=bucket)
    assert api.delete(path).status == 204
    [kept] = shelf.objects.all()
    tags = shelf.meta.client.get_object_tagging(Bucket=shelf.name, Key=kept.key)["TagSet"]
    assert tags == [{"Key": "forgotten", "Value": "yes"}]


def test_an_animation_moves_in_letters_too(api: Gateway, pump: Pump, shelf: Any) -> None:
    shown = added(api, pump, moving())
    assert (shown["type"], shown["url_2x"]) == ("image/gif", None)
    assert opened(object_of(shelf, shown["url"])["Body"].read()).n_frames == 4


class SilentS3:
    """S3 on a bad day."""

    meta = SimpleNamespace(region_name="eu-central-1")

    def put_object(self, **_: Any) -> None:
        """Nobody answers."""
        raise ConnectTimeoutError(endpoint_url="https://s3.example")

    copy_object = put_object


def test_where_the_bucket_does_not_answer_the_call_may_be_repeated(api: Gateway, pump: Pump, shelf: Any) -> None:
    bucket = Stage.own().s3
    compose(s3=SilentS3())
    assert add(api, drawn()).status == 503
    compose(s3=bucket)
    assert added(api, pump, drawn())["state"] == "ready"


def test_the_upload_that_is_gone_is_asked_for_again(api: Gateway, pump: Pump, shelf: Any) -> None:
    picture = add(api, drawn()).body["id"]
    shelf.objects.delete()
    pump.run()
    assert "add it again" in api.get(f"/v1/media/{picture}").body["problem"]
    assert added(api, pump, drawn())["state"] == "ready"
