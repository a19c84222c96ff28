"""The categories of notifications: what a user can opt out of, and what happens when an outcome is unknown."""

from collections.abc import Mapping
from typing import NamedTuple


class Category(NamedTuple):
    """`transactional` letters ignore opt-outs and are sent once more when the first outcome stays unknown."""

    name: str
    transactional: bool = False


CATEGORIES: Mapping[str, Category] = {
    category.name: category
    for category in (
        Category("account", transactional=True),
        Category("series"),
        Category("digest"),
        Category("statistics"),
        Category("congratulations"),
        Category("marketing"),
    )
}
