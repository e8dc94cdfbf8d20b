"""Libraries of statistics, which are imported when a function needs them."""

from typing import Any

from vera import optional


def need(module: str) -> Any:
    """The module, say `scipy.stats`; VeraError with the command that installs its package if that is missing."""
    return optional.need(module, module.partition(".")[0], "this statistic", "evaluation")
