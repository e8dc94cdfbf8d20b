"""Libraries of statistics are imported when they are needed, and their lack is told."""

import subprocess
import sys

import pytest

from vera.errors import VeraError
from vera.metrics.statistics.optional import need


def test_a_package_that_is_not_there_is_named_with_the_command() -> None:
    with pytest.raises(VeraError, match=r"needs nowhere_at_all: pip install .*vera-layers\[evaluation\]"):
        need("nowhere_at_all.stats")


def test_nothing_heavy_is_imported_before_it_is_used() -> None:
    code = (
        "import sys, vera.metrics.statistics\n"
        "assert not {'scipy', 'statsmodels', 'pandas', 'choix', 'krippendorff', 'torch'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
