"""The positions of addresses in an uploaded list, so that exporting or erasing one reads no whole list. Written page by
page while the list is loaded; an address's page follows from the address and the number of rows (ADR 0064).

An entry is a prefix of the address's digest and the number of a block. The rows themselves are in the same table, so
the digest need not hide anything.
"""

import hashlib
from collections.abc import Iterator
from math import ceil

from chalicelib.addresses import same_address_key

ROWS_A_PAGE = 4000  # 32 KB
_DIGEST, _NUMBER = 5, 3  # bytes; two of a million addresses share a prefix once in two lists, and both are checked then
_ENTRY = _DIGEST + _NUMBER


class ListIndex:
    """The index of one list while it is loaded: 8 bytes per row."""

    def __init__(self) -> None:
        self._entries = bytearray()

    def add(self, address: str, block: int) -> None:
        """Records that an address is in a block."""
        self._entries += _digest(address) + block.to_bytes(_NUMBER, "big")

    def pages(self, rows: int) -> Iterator[tuple[str, bytes]]:
        """The pages by name, for a list of so many rows."""
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
    """The name of an address's page, in a list of so many rows."""
    return index_part(_number(_digest(address), page_count(rows)))


def blocks_of(address: str, page: bytes) -> list[int]:
    """The numbers of the blocks in which it may stand."""
    digest = _digest(address)
    found = (one for one in _entries(page) if one[:_DIGEST] == digest)
    return sorted({int.from_bytes(one[_DIGEST:], "big") for one in found})


def without(address: str, page: bytes) -> bytes:
    """The page without an address."""
    digest = _digest(address)
    return b"".join(one for one in _entries(page) if one[:_DIGEST] != digest)


def _entries(page: bytes) -> Iterator[bytes]:
    return (page[at : at + _ENTRY] for at in range(0, len(page), _ENTRY))


def _digest(address: str) -> bytes:
    return hashlib.sha256(same_address_key("email", address).encode()).digest()[:_DIGEST]


def _number(entry: bytes, pages: int) -> int:
    return int.from_bytes(entry[:_DIGEST], "big") % pages
