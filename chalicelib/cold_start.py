"""Keeps the garbage collector out of a starting process: what an import makes is never garbage, and collecting it again
and again took a tenth of every cold start (ADR 0029). `functions/__init__.py` and `app.py` begin; what exists at the
end is frozen."""

import gc


def begin() -> None:
    """Before the first import."""
    gc.disable()


def end() -> None:
    """After the last."""
    gc.freeze()
    gc.enable()
