"""The worker that reads lists: killed anywhere it begins again and comes to the same list; a file of any length takes
little memory."""

import tracemalloc
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pytest

from chalicelib.campaigns import list_loader
from chalicelib.campaigns.list_loader import ListLoader
from chalicelib.campaigns.list_uploads import StoredFile, Uploads
from chalicelib.clock import now
from chalicelib.errors import UnavailableError
from chalicelib.stage.app import Stage
from chalicelib.storage.list_index import ListIndex
from chalicelib.storage.recipient_lists import RecipientList, RecipientLists
from chalicelib.storage.rows.campaigns import ListRow
from tests.integration.campaigns.conftest import ANNA, OneFile

ROWS = [f"u{n}@example.com;Имя {n}" if n % 4 else f"никто {n};" for n in range(40)]
FILE = "\r\n".join(["sep=;", "Почта;Имя", *ROWS]).encode("utf-16")
STEPS = ("put_block", "put_index", "tell_loading", "finish_loading")


class Dying(RecipientLists):
    """The store of lists, which fails at the nth step of its kind."""

    def __init__(self, step: str, nth: int) -> None:
        super().__init__(clock=now)
        self._left = {step: nth}

    def _pass(self, step: str) -> None:
        if step in self._left:
            self._left[step] -= 1
            if self._left[step] == 0:
                raise UnavailableError("DynamoDB did not answer")

    def put_block(self, list_id: str, number: int, rows: Sequence[Mapping[str, Any]]) -> bytes:
        self._pass("put_block")
        return super().put_block(list_id, number, rows)

    def put_index(self, list_id: str, index: ListIndex, *, rows: int) -> None:
        self._pass("put_index")
        super().put_index(list_id, index, rows=rows)

    def tell_loading(self, list_id: str, **told: int) -> None:
        self._pass("tell_loading")
        super().tell_loading(list_id, **told)

    def finish_loading(self, found: RecipientList, *, blocks: int) -> None:
        self._pass("finish_loading")
        super().finish_loading(found, blocks=blocks)


def stored(list_id: str) -> dict[str, Any]:
    """What is there of a list, apart from when it was read."""
    parts = {row.part: row.attribute_values for row in ListRow.query(list_id)}
    times = ("created_at", "loaded_at", "list_id")
    return {part: {name: one for name, one in row.items() if name not in times} for part, row in parts.items()}


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("nth", [1, 2])
def test_a_worker_that_dies_anywhere_begins_again_and_makes_the_same_list(
    stage: None, monkeypatch: pytest.MonkeyPatch, step: str, nth: int
) -> None:
    monkeypatch.setattr(list_loader, "BLOCK_ROWS", 7)
    lists, uploads = Stage.own().lists, OneFile(FILE)
    whole, broken = (lists.add("Guests", by=ANNA).list_id for _ in range(2))
    for one in (whole, broken):
        assert lists.begin_loading(one) is not None
    assert ListLoader(lists=lists, uploads=uploads).load(whole) == "ready"
    refused = uploads.refused_lines

    dying = Dying(step, nth)
    for _ in range(2):
        try:
            state = ListLoader(lists=dying, uploads=uploads).load(broken)
        except UnavailableError:
            assert lists.get(broken).state == "loading"
    assert state == "ready"
    assert stored(broken) == stored(whole)
    assert (lists.get(broken).row_count, lists.get(broken).bad_count) == (30, 10)
    assert uploads.refused_lines == refused


def test_how_far_a_list_has_come_is_told_while_it_is_read(stage: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(list_loader, "BLOCK_ROWS", 100)
    told: list[RecipientList] = []
    file = ("email\n" + "".join(f"somebody-with-a-name-{n}@example.com\n" for n in range(6000))).encode()
    lists = Stage.own().lists
    list_id = lists.add("Guests", by=ANNA).list_id
    lists.begin_loading(list_id)

    class Slow(OneFile):
        def file(self, list_id: str) -> StoredFile:
            pieces = [file[at : at + 9000] for at in range(0, len(file), 9000)]
            return StoredFile(self._watched(pieces, list_id), len(file))

        def _watched(self, pieces: list[bytes], list_id: str) -> Iterator[bytes]:
            for piece in pieces:
                told.append(lists.get(list_id))
                yield piece

    ListLoader(lists=lists, uploads=Slow(file)).load(list_id)
    assert {one.state for one in told} == {"loading"}
    come = [one.row_count for one in told]
    assert come == sorted(come)
    assert (come[0], come[-1] >= 5000, lists.get(list_id).row_count) == (0, True, 6000)
    assert told[-1].file_bytes == len(file)
    assert 0 < told[-1].read_bytes <= len(file)


class Nowhere(RecipientLists):
    """Takes a list and keeps none of it but how it ended."""

    def __init__(self) -> None:
        super().__init__(clock=now)
        self.ended: RecipientList | None = None

    def put_block(self, list_id: str, number: int, rows: Sequence[Mapping[str, Any]]) -> bytes:
        return b""

    def put_index(self, list_id: str, index: ListIndex, *, rows: int) -> None:
        pass

    def tell_loading(self, list_id: str, **told: int) -> None:
        pass

    def finish_loading(self, found: RecipientList, *, blocks: int) -> None:
        self.ended = found


class Endless(Uploads):
    """A file that is made as it is read."""

    def __init__(self, rows: int) -> None:
        self._rows = rows

    def file(self, list_id: str) -> StoredFile:
        return StoredFile(self._pieces(), 1)

    def put_refused(self, list_id: str, lines: bytes) -> None:
        pass

    def _pieces(self) -> Iterator[bytes]:
        yield "\ufeffemail\tname\tnote\r\n".encode("utf-16-le")
        for n in range(self._rows):
            line = f"viewer-{n}@crowd.example\tViewer {n}\t{'x' * 60}\r\n" if n % 2 else f"nobody {n}\t\t\r\n"
            yield line.encode("utf-16-le")


def test_a_long_file_of_which_half_is_refused_takes_little_memory(stage: None) -> None:
    """The lines that are kept are bounded, and so is all else but some bytes a recipient."""
    lists, store = Stage.own().lists, Nowhere()
    list_id = lists.add("Guests", by=ANNA).list_id
    tracemalloc.start()
    ListLoader(lists=store, uploads=Endless(24_000)).load(list_id)
    peak_bytes = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert store.ended is not None
    assert (store.ended.row_count, store.ended.bad_count) == (12_000, 12_000)
    assert peak_bytes < 10_000_000
