"""Libraries that only some exports need."""

from importlib import import_module
from typing import Any

from vera.errors import VeraError


def need(module: str, package: str) -> Any:
    """The module; VeraError with the command that installs `package` if it is missing."""
    try:
        return import_module(module)
    except ImportError:
        raise VeraError(
            f"this export needs {package}: pip install {package}, or all of them: pip install 'vera[export]'"
        ) from None
