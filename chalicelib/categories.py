"""The categories of notifications: what users can switch off, and whether a letter may be sent twice."""

from collections.abc import Mapping
from enum import StrEnum


class Category(StrEnum):
    ACCOUNT = "account"
    SERIES = "series"
    DIGEST = "digest"
    STATISTICS = "statistics"
    CONGRATULATIONS = "congratulations"
    MARKETING = "marketing"

    @property
    def transactional(self) -> bool:
        """Letters that ignore opt-outs and are sent again if the first outcome stays unknown."""
        return self is Category.ACCOUNT


CATEGORIES: Mapping[str, Category] = {category.value: category for category in Category}
