"""What the projects for editing programs share: ProRes media beside the project, and the way to the plate."""

import os
from pathlib import Path

from vera.layers.export.shot import Shot


def plate_path(shot: Shot, folder: Path) -> str:
    """The source as seen from `folder`, with forward slashes; absolute where no relative path leads to it."""
    source = shot.source.path.resolve()
    try:
        return Path(os.path.relpath(source, folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return source.as_posix()
