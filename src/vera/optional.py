"""Libraries that only some footage, some exports and statistics need."""

from importlib import import_module
from typing import Any

from vera.errors import VeraError


def need(module: str, package: str, what: str = "this export", extra: str = "export") -> Any:
    """The module; VeraError with the command that installs `package`, which `what` needs, if it is missing.

    `extra` is ours that has the package among others.
    """
    try:
        return import_module(module)
    except ImportError:
        raise VeraError(
            f"{what} needs {package}: pip install {package}, or with all of its kind: "
            f"pip install 'vera-layers[{extra}]'"
        ) from None
