"""What shows a project's clip in BT.709: checked, and as a table for the viewer, by the process that draws."""

from pathlib import Path

from vera.errors import VeraError
from vera.jobs.kinds.inputs import find_source, lut_path
from vera.studio.footage import check_shown, color_spaces, draw_table
from vera.studio.schema.projects import Display
from vera.studio.studio import Studio


def check_display(studio: Studio, project: str, clip: str, display: Display) -> None:
    """VeraError for a LUT and a colour space at once, for a LUT that is gone, or what cannot show the clip."""
    if display != Display():
        lut = display_lut(studio, project, display)
        studio.drawing.call(check_shown, find_source(studio.workspace, clip), lut, display.ocio)


def display_lut(studio: Studio, project: str, display: Display) -> Path | None:
    """Find the file of a display's LUT, None if it has none. Raises VeraError as `lut_path`."""
    return lut_path(studio.workspace, {"project": project, "lut": display.lut})


def list_spaces(studio: Studio) -> list[str]:
    """Name the colour spaces of OpenColorIO's config."""
    return studio.drawing.call(color_spaces)


def display_table(studio: Studio, project: str, clip: str, display: Display) -> bytes:
    """Draw what a display does to the colours of a clip's proxy as a PNG. Raises VeraError as `check_display`."""
    if display == Display():
        raise VeraError("name a LUT of the project, or a colour space: its tags alone need no table")
    lut = display_lut(studio, project, display)
    return studio.drawing.call(draw_table, find_source(studio.workspace, clip), lut, display.ocio)
