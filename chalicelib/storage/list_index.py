"""Where in an uploaded list an address stands, so that exporting or erasing it reads no whole list. Written as a list
is read, page by page; the page of an address follows from the address and the number of rows.

An entry is the beginning of a digest of the address and the number of a block. The rows themselves are in the same
table: the digest hides nothing that they do not show.
"""

import hashlib
from collections.abc import Iterator
from math import ceil

from chalicelib.addresses import same_address_key

ROWS_A_PAGE = 4000  # 32 KB
_DIGEST, _NUMBER = 5, 3  # bytes; two of a million addresses share a digest once in two lists, and are looked at then
_ENTRY = _DIGEST + _NUMBER


class ListIndex:
    """The index of one list while it is read: 8 bytes a row."""

    def __init__(self) -> None:
        self._entries = bytearray()

    def add(self, address: str, block: int) -> None:
        """An address stands in a block."""
        self._entries += _digest(address) + block.to_bytes(_NUMBER, "big")

    def pages(self, rows: int) -> Iterator[tuple[str, bytes]]:
        """The pages by their names, of a list of so many rows."""
        pages = [bytearray() for _ in range(page_count(rows))]
        for at in range(0, len(self._entries), _ENTRY):
            entry = self._entries[at : at + _ENTRY]
            pages[_number(bytes(entry), len(pages))] += entry
        for number, page in enumerate(pages):
            yield index_part(number), bytes(page)


def page_count(rows: int) -> int:
    """Of a list of so many rows."""
    return max(1, ceil(rows / ROWS_A_PAGE))


def index_part(number: int) -> str:
    """The name of a page."""
    return f"index#{number:06}"


def page_of(address: str, *, rows: int) -> str:
    """The name of the page that knows an address, in a list of so many rows."""
    return index_part(_number(_digest(address), page_count(rows)))


def blocks_of(address: str, page: bytes) -> list[int]:
    """The numbers of the blocks in which it may stand."""
    digest = _digest(address)
    found = (one for one in _entries(page) if one[:_DIGEST] == digest)
    return sorted({int.from_bytes(one[_DIGEST:], "big") for one in found})


def without(address: str, page: bytes) -> bytes:
    """The page of a list that the address is no more on."""
    digest = _digest(address)
    return b"".join(one for one in _entries(page) if one[:_DIGEST] != digest)


def _entries(page: bytes) -> Iterator[bytes]:
    return (page[at : at + _ENTRY] for at in range(0, len(page), _ENTRY))


def _digest(address: str) -> bytes:
    return hashlib.sha256(same_address_key("email", address).encode()).digest()[:_DIGEST]


def _number(entry: bytes, pages: int) -> int:
    return int.from_bytes(entry[:_DIGEST], "big") % pages
