"""Objects made of other objects."""

from typing import Any, dataclass_transform


@dataclass_transform(kw_only_default=True)
class Composed:
    """A class that is given its parts by name: its annotations are its constructor's arguments, as in a dataclass, but
    nothing is generated at a cold start."""

    def __init__(self, **parts: Any) -> None:
        if strange := parts.keys() ^ self.__annotations__.keys():
            raise TypeError(f"{type(self).__name__} lacks or does not know: {', '.join(sorted(strange))}")
        self.__dict__.update(parts)
