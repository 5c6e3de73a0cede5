"""fMRI to video: from public files to reconstructed videos and scores that can be trusted.

    >>> import brainflix
    >>> brainflix.plan("demo", "nowhere", subjects=[1])  # doctest: +ELLIPSIS
    Plan(demo: ... jobs, ... to run)

Importing it loads nothing heavy: what is named below is loaded when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"
__all__ = ["Plan", "Run", "Scores", "__version__", "load", "load_recipe", "open_store", "plan", "run", "score"]

if TYPE_CHECKING:
    from brainflix.front import Plan, Run, Scores, load, load_recipe, open_store, plan, run, score


def __getattr__(name: str) -> Any:
    """Load the front door when something of it is asked for."""
    if name in __all__:
        from brainflix import front

        return getattr(front, name)
    raise AttributeError(f"module 'brainflix' has no attribute {name!r}")


def __dir__() -> list[str]:
    """Return what stands in the front door beside the module's own names."""
    return sorted({*globals(), *__all__})
