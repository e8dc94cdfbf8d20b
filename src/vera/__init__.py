"""Vera: layered video editing over untouched footage."""

from typing import TYPE_CHECKING, Any

from vera._version import __version__

__all__ = ["Acceleration", "LayeredEdit", "VeraError", "VeraPipeline", "__version__", "edit"]

if TYPE_CHECKING:
    from vera.errors import VeraError
    from vera.layers import LayeredEdit
    from vera.pipelines import Acceleration, VeraPipeline, edit

_HOME = {
    "Acceleration": "vera.pipelines",
    "LayeredEdit": "vera.layers",
    "VeraError": "vera.errors",
    "VeraPipeline": "vera.pipelines",
    "edit": "vera.pipelines",
}


def __getattr__(name: str) -> Any:
    """Import public names when they are first used, so that `import vera` and `vera --help` stay fast (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(_HOME[name]), name)
