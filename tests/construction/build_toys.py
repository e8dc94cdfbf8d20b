"""A build of toys as a process: `python -m tests.construction.build_toys EXECUTOR FOLDER WORKERS PATH...`."""

import sys
from pathlib import Path
from typing import cast

from tests.construction.toys import finish, opened

from vera.construction.engine.executors.opening import Where

if __name__ == "__main__":
    where, root, workers, *paths = sys.argv[1:]
    with opened(Path(root), *paths) as made:
        finish(made, int(workers), cast(Where, where))
