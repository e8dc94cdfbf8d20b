from pathlib import Path

import pytest
from tests.data.released.data_set import COUNTS, made, write


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("released")
    for split, count in COUNTS.items():
        for index in range(count):
            write(folder, split, made(split, index), f"{index:06d}")
    return folder
