from pathlib import Path

import pytest
from tests.data.latents.caches import write

from vera.data.latents.writer import Written


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    folder = tmp_path / "cache"
    assert write(folder / "train") == Written(19, 19, 1)
    assert write(folder / "held_out", 3) == Written(3, 3, 0)
    return folder
