"""Libraries of statistics that only reports need."""

from importlib import import_module
from typing import Any

from vera.errors import VeraError


def need(module: str) -> Any:
    """The module, say `scipy.stats`; VeraError with the command that installs its package if that is missing."""
    package = module.partition(".")[0]
    try:
        return import_module(module)
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] != package:
            raise
        raise VeraError(
            f"statistics need {package}: pip install {package}, or with all that evaluation needs: "
            "pip install 'vera-layers[evaluation]'"
        ) from None
