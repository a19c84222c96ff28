"""The garbage collector stays away while a process starts: what an import makes is never garbage, and looking through
it again and again was a tenth of every cold start (ADR 0029). `functions/__init__.py` and `app.py`
begin; what is there at the end is not looked through ever again.
"""

import gc


def begin() -> None:
    """Before the first import."""
    gc.disable()


def end() -> None:
    """After the last."""
    gc.freeze()
    gc.enable()
