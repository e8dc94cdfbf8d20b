"""LUTs of a project: .cube files that were uploaded, each in a folder of its own, under the name it came with."""

import shutil
from pathlib import Path

from anyio import from_thread

from vera.errors import VeraError
from vera.service.names import plain_name
from vera.studio.footage import check_lut
from vera.studio.projects import part_folder, project_folder
from vera.studio.schema.projects import Lut
from vera.studio.studio import Studio, new_id
from vera.whole import whole_file

MOST_LUTS = 100  # of a project


def list_luts(studio: Studio, project: str) -> list[Lut]:
    """List a project's LUTs by their names."""
    found = (project_folder(studio, project) / "luts").glob("*/*.cube")
    return sorted((Lut(lut=path.parent.name, name=path.name) for path in found), key=lambda lut: lut.name)


def add_lut(studio: Studio, project: str, upload: str) -> Lut:
    """Keep an upload as a LUT. Raises VeraError for what is no .cube file, or cannot be undone."""
    whole = studio.uploads.whole(upload)
    name = Path(plain_name(whole.name)).stem + ".cube"
    if len(list_luts(studio, project)) >= MOST_LUTS:
        raise VeraError(f"a project has at most {MOST_LUTS} LUTs")
    try:
        studio.drawing.call(check_lut, whole.path)
    except VeraError as error:  # its user knows it by its name, and need not know where it lies
        raise VeraError(str(error).replace(str(whole.path), name)) from None
    lut = new_id()
    folder = part_folder(studio, project, "luts") / lut
    folder.mkdir()
    with whole_file(folder / name) as partial:
        shutil.copyfile(whole.path, partial)
    from_thread.run(studio.uploads.remove, upload)
    return Lut(lut=lut, name=name)
