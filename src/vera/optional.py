"""Libraries that only some footage and some exports need."""

from importlib import import_module
from typing import Any

from vera.errors import VeraError


def need(module: str, package: str, what: str = "this export") -> Any:
    """The module; VeraError with the command that installs `package`, which `what` needs, if it is missing."""
    try:
        return import_module(module)
    except ImportError:
        raise VeraError(
            f"{what} needs {package}: pip install {package}, or with all that exports need: "
            "pip install 'vera-layers[export]'"
        ) from None
