"""Lists by the API: what an upload looks like, how it is loaded, and what is in it."""

import pytest

from chalicelib.stage.app import Stage
from chalicelib.storage.cursor import write_cursor
from tests.integration.api.gateway import Gateway
from tests.integration.conftest import Pump

FILE = (
    "Contact;Имя;Город;Notes\r\nanna@x.example;Анна;Омск;a\r\nnobody;Борис;Тверь;=1+1\r\nvera@x.example\r\n"
).encode("cp1251")


def uploaded(api: Gateway, content: bytes = FILE, name: str = "Guests") -> str:
    """The path of a list whose file is there."""
    list_id = api.post("/v1/lists", {"name": name}).body["id"]
    Stage.own().uploads.put(list_id, content)
    return f"/v1/lists/{list_id}"


def test_an_upload_is_looked_at_before_it_is_loaded(api: Gateway) -> None:
    seen = api.get(f"{uploaded(api)}/preview").body
    assert (seen["encoding"], seen["separator"], seen["header"]) == ("windows-1251", ";", True)
    assert (seen["good"], seen["bad"], seen["whole"], seen["size_bytes"]) == (2, 1, True, len(FILE))
    assert seen["bad_lines"] == [{"line": 3, "message": "not an e-mail address such as anna@example.com"}]
    assert seen["columns"][:2] == [
        {"name": "Contact", "becomes": "email", "samples": ["anna@x.example", "nobody", "vera@x.example"]},
        {"name": "Имя", "becomes": "name", "samples": ["Анна", "Борис", ""]},
    ]


def test_a_long_upload_is_judged_by_its_beginning(api: Gateway) -> None:
    """What the 64 KB cut is no fault of the file's, not even inside of quotes."""
    lines = "".join(f'u{n}@x.example,"a\r\nb"\r\n' for n in range(9000))
    seen = api.get(f"{uploaded(api, ('email,note' + chr(10) + lines).encode('utf-16'))}/preview").body
    assert (seen["encoding"], seen["whole"], seen["bad"], seen["problem"]) == ("utf-16-le", False, 0, None)
    assert 1000 < seen["good"] < 1500


def test_nothing_is_seen_of_what_was_not_uploaded_or_is_no_list(api: Gateway) -> None:
    path = f"/v1/lists/{api.post('/v1/lists', {'name': 'x'}).body['id']}"
    assert api.get(f"{path}/preview").status == 409
    refused = api.get(f"{uploaded(api, b'PK' + bytes([3, 4]) + b'xl')}/preview")
    assert (refused.status, refused.bad_fields) == (422, ["file"])
    assert "save the sheet as CSV" in refused.text
    assert "the file is empty" in api.get(f"{uploaded(api, b'')}/preview").text


def test_a_list_is_loaded_by_the_mapping_that_was_chosen(api: Gateway, pump: Pump) -> None:
    path = uploaded(api)
    columns = {"Contact": "email", "Город": "attributes.city", "Notes": None}
    assert api.post(f"{path}/load", {"columns": columns}).status == 202
    pump.run()
    seen = api.get(path).body
    assert (seen["state"], seen["rows"], seen["bad"], seen["read_bytes"]) == ("ready", 2, 1, len(FILE))
    assert seen["columns"] == {**columns, "Имя": "name"}
    assert api.get(f"{path}/recipients").body["recipients"] == [
        {"email": "anna@x.example", "name": "Анна", "attributes": {"city": "Омск"}},
        {"email": "vera@x.example"},
    ]


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({"Phone": "name"}, "file"),
        ({"Contact": None}, "columns"),
        ({"Имя": "email", "Contact": "email"}, "columns"),
        ({"Contact": "address"}, "columns.Contact"),
    ],
)
def test_a_mapping_that_cannot_be_is_refused_before_anything_is_read(
    api: Gateway, columns: dict[str, str | None], field: str
) -> None:
    path = uploaded(api)
    refused = api.post(f"{path}/load", {"columns": columns})
    assert (refused.status, refused.bad_fields) == (422, [field])
    assert api.get(path).body["state"] == "waiting"


def test_a_list_that_is_being_read_is_not_read_in_another_way(api: Gateway) -> None:
    path = uploaded(api)
    assert api.post(f"{path}/load", {"columns": {"Notes": None}}).status == 202
    assert api.post(f"{path}/load", {"columns": {"Notes": None}}).status == 202
    assert api.post(f"{path}/load").status == 409


def test_refused_lines_are_kept_with_what_stands_in_them(api: Gateway, pump: Pump) -> None:
    rows = "".join(f"u{n}@x.example,{n}\n" if n % 3 else f"wrong {n},{n}\n" for n in range(300))
    path = uploaded(api, f"email,n\n{rows}".encode())
    api.post(f"{path}/load")
    pump.run()
    met, more = [], dict[str, str]()
    for _ in range(3):
        page = api.get(f"{path}/refused", limit="40", **more).body
        met += page["lines"]
        more = {"cursor": page["cursor"]}
    assert [one["line"] for one in met] == [n + 2 for n in range(0, 300, 3)]
    assert met[1] == {"line": 5, "message": "not an e-mail address such as anna@example.com", "cells": ["wrong 3", "3"]}
    assert page["cursor"] is None
    assert api.get(f"{uploaded(api)}/refused").body == {"lines": [], "cursor": None}


def test_a_place_that_no_list_wrote_is_refused(api: Gateway, pump: Pump) -> None:
    """Promise G3: by a caller who knows how cursors are made, too."""
    path = uploaded(api, "email,n\n7\u2028 wrong,\u2028\n8,7\n".encode())
    api.post(f"{path}/load")
    pump.run()
    list_id = path.rpartition("/")[2]
    assert [one["cells"][0] for one in api.get(f"{path}/refused").body["lines"]] == ["7\u2028 wrong", "8"]
    for at in (*range(1, 12), -1, "x", None):
        cursor = write_cursor({"at": at}, scope=f"refused\n{list_id}")
        assert api.get(f"{path}/refused", cursor=cursor).status == 422, at
    for place in ({"b": -1, "r": 0}, {"b": 0}, {"b": 0, "r": "x"}):
        cursor = write_cursor(place, scope=f"list\n{list_id}\n")
        assert api.get(f"{path}/recipients", cursor=cursor).status == 422, place
    far = write_cursor({"at": 10**9}, scope=f"refused\n{list_id}")
    assert api.get(f"{path}/refused", cursor=far).body == {"lines": [], "cursor": None}


def test_a_list_is_looked_into(api: Gateway, pump: Pump) -> None:
    rows = "".join(f"viewer-{n}@x.example,,Viewer {n}\n" for n in range(3000))
    path = uploaded(api, f"email,user_id,name\n{rows},u-7,\n".encode())
    api.post(f"{path}/load")
    pump.run()

    first = api.get(f"{path}/recipients", limit="40").body
    second = api.get(f"{path}/recipients", limit="40", cursor=first["cursor"]).body
    assert [one["name"] for one in first["recipients"] + second["recipients"]] == [f"Viewer {n}" for n in range(80)]
    assert api.get(f"{path}/recipients", q="Viewer-2999@X.example").body == {
        "recipients": [{"email": "viewer-2999@x.example", "name": "Viewer 2999"}],
        "cursor": None,
    }
    assert api.get(f"{path}/recipients", q="u-7").body["recipients"] == [{"user_id": "u-7"}]
    found: list[str] = []
    more: dict[str, str] | None = {}
    while more is not None:
        page = api.get(f"{path}/recipients", limit="5", q="viewer 299", **more).body
        found += [one["name"] for one in page["recipients"]]
        more = {"cursor": page["cursor"]} if page["cursor"] else None
    assert found == ["Viewer 299", *(f"Viewer {n}" for n in range(2990, 3000))]


def test_lists_are_found_by_their_names(api: Gateway) -> None:
    ids = [api.post("/v1/lists", {"name": f"Осень {n}, гости"}).body["id"] for n in range(5)]
    api.post("/v1/lists", {"name": "Весна"})
    first = api.get("/v1/lists", q="ГОСТИ осень", limit="3").body
    second = api.get("/v1/lists", q="ГОСТИ осень", limit="3", cursor=first["cursor"]).body
    assert {one["id"] for one in first["lists"] + second["lists"]} == set(ids)
    assert second["cursor"] is None
    assert len(api.get("/v1/lists").body["lists"]) == 6


def test_a_list_is_renamed_by_whoever_has_seen_it(api: Gateway) -> None:
    path = uploaded(api)
    tag = api.get(path).headers["etag"]
    assert api.call("PATCH", path, {"name": "Осень"}, headers={"if-match": tag}).body["name"] == "Осень"
    assert api.call("PATCH", path, {"name": "Зима"}, headers={"if-match": tag}).status == 412
    assert api.call("PATCH", path, {"name": ""}).bad_fields == ["name"]
    assert api.get(path).body["name"] == "Осень"
