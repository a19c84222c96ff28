"""The index of an uploaded list: where an address stands, however it is written."""

from hypothesis import given
from hypothesis import strategies as st

from chalicelib.storage.list_index import ListIndex, blocks_of, page_count, page_of, without

ADDRESSES = st.lists(st.integers(0, 10**6).map(lambda n: f"u-{n}@example.com"), unique=True, max_size=200)


def indexed(addresses: list[str], *, rows: int) -> dict[str, bytes]:
    index = ListIndex()
    for n, address in enumerate(addresses):
        index.add(address, n // 3)
    return dict(index.pages(rows))


@given(ADDRESSES, st.integers(1, 50_000))
def test_every_address_is_found_in_its_block(addresses: list[str], rows: int) -> None:
    pages = indexed(addresses, rows=rows)
    assert len(pages) == page_count(rows)
    for n, address in enumerate(addresses):
        assert blocks_of(address, pages[page_of(address, rows=rows)]) == [n // 3]


def test_a_spelling_changes_nothing_and_a_stranger_is_nowhere() -> None:
    page = indexed(["anna@xn--80a1acny.xn--p1ai", "boris@example.com"], rows=2)[page_of("x@example.com", rows=2)]
    assert blocks_of("ANNA@почта.рф", page) == [0]
    assert blocks_of("nobody@example.com", page) == []


def test_who_is_taken_out_is_not_found_and_the_others_are() -> None:
    page = indexed(["anna@example.com", "boris@example.com"], rows=2)[page_of("anna@example.com", rows=2)]
    left = without("Anna@example.com", page)
    assert (blocks_of("anna@example.com", left), blocks_of("boris@example.com", left)) == ([], [0])


def test_a_list_of_a_million_rows_has_pages_that_a_table_takes() -> None:
    assert page_count(1_000_000) == 250
    assert page_count(0) == 1
