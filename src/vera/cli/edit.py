"""`vera edit`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from vera.cli.edit_options import (
    ACCELERATING,
    LOADING,
    REFINING,
    SAMPLING,
    TRIMMING,
    WRITING,
    Accelerating,
    Loading,
    Refining,
    Sampling,
    Trimming,
    Writing,
)
from vera.cli.master import print_master
from vera.cli.options import READING, Reading, Sound, check_picture
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError


def edit(
    source: Path,
    instruction: str,
    /,
    *,
    writing: Writing = WRITING,
    sheet: Path | None = None,
    loading: Loading = LOADING,
    mask: Path | None = None,
    region: Annotated[Sequence[str], Parameter(allow_leading_hyphen=True, negative=(), show_default=False)] = (),
    sampling: Sampling = SAMPLING,
    trimming: Trimming = TRIMMING,
    reading: Reading = READING,
    sound: Sound = "copy",
    refining: Refining = REFINING,
    lut: Path | None = None,
    ocio: str | None = None,
    accelerating: Accelerating = ACCELERATING,
) -> None:
    """Edit a clip as an instruction says.

    Parameters
    ----------
    source
        The clip to edit. It is never written to.
    instruction
        What to change, in words.
    sheet
        Also write a contact sheet: a PNG of source, edit layer, alpha, result and difference, or an animated WebP of
        the first four.
    mask
        Video, numbered pictures, or one picture for all frames; white marks what must stay.
    region
        Edit only this part of the frame, at the model's full size: X,Y,W,H in pixels of the upright frame, or auto to
        find it from the mask. May be repeated; later regions are composited over earlier ones.
    lut
        For log footage: .cube file that converts it to BT.709 for viewing, as camera makers supply it.
    ocio
        For log footage: name of its colour space in the OpenColorIO config, such as "ARRI LogC4".
    """
    from vera.layers import animated_sheet, contact_sheet
    from vera.pipelines import edit as run

    settings = {**trimming.settings(), **sampling.settings()}
    if sheet is not None:
        _check_sheet(sheet, source, writing, loading, mask, lut)
    clip = reading.open(source, sound)
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    with progress_bar(shown=first) as report:
        done = run(
            clip,
            instruction,
            **vars(writing),
            **vars(loading),
            mask=mask,
            region=region,
            **settings,
            acceleration=accelerating,
            refinement=refining.refinement(),
            lut=lut,
            ocio=ocio,
            progress=report,
        )
    if not first:
        return
    if done.master is not None:
        print_master(done.master)
    if done.layers is not None:
        say(f"layers   {done.layers}")
    say(f"model    {done.choice}")
    for notice in done.notices:
        say(f"note     {notice}")
    if sheet is not None and done.edit is not None and done.out is not None:
        write_sheet = animated_sheet if sheet.suffix.lower() == ".webp" else contact_sheet
        write_sheet(clip, done.edit, done.out, sheet)
        say(f"sheet    {sheet}")
    width, height = done.size
    count = f"{done.frames} frame{'s' * (done.frames != 1)}"
    say(f"edited   {count} at {width}x{height} in {sum(done.seconds.values()):.1f} s")


def _check_sheet(
    sheet: Path, source: Path, writing: Writing, loading: Loading, mask: Path | None, lut: Path | None
) -> None:
    """VeraError unless a sheet of the result can be written at `sheet`."""
    from vera.pipelines.footage.outputs import default_out
    from vera.pipelines.inputs import check_edit_outputs

    check_picture(sheet)
    if not writing.result:
        raise VeraError("a sheet shows the result: leave out --sheet or --no-result")
    check_edit_outputs(
        source,
        writing.out or default_out(source),
        writing.layers,
        sheet=sheet,
        mask=mask,
        lut=lut,
        model=loading.model,
        lora=loading.lora,
    )
