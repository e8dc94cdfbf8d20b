"""The frames that an editor draws, as they are: what is published of editors, without layers."""

import tempfile
from fractions import Fraction
from pathlib import Path

from vera.color.transform import color_transform
from vera.errors import VeraError
from vera.evaluation.methods.fit import fit_frames
from vera.layers.masks import check_mask, check_white
from vera.layers.refine.rate import sampled_frames
from vera.layers.views import SourceViews
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.editors.clip import EditedClip
from vera.pipelines.editors.protocol import Settings
from vera.pipelines.editors.windows import every_nth
from vera.pipelines.footage.draw_editor import frame_rate
from vera.pipelines.sampling.sizes import check_size, model_size
from vera.video import LosslessWriter, open_clip


def draw_result(
    editor: Adapter,
    name: str,
    source: Path,
    text: str,
    mask: Path | None,
    seed: int,
    settings: Settings,
    size: tuple[int, int] | None,
    out: Path,
) -> Path:
    """Have an editor draw a clip, and bring it to the source's size and length by the rule of folders, into `out`.

    It works at `size`, or at its own for the source's shape. VeraError for one that draws single pictures, and for what
    it cannot do.
    """
    traits = editor.traits
    if traits.still:
        raise VeraError(f"{name} draws single pictures, of which only layers make a clip: leave out layers=no")
    clip = open_clip(source)
    if mask is not None:
        check_mask(mask, clip)
        check_white(mask, clip.display_size, clip.frame_count, source=clip)
    edited = range(clip.frame_count)
    rate = frame_rate(clip, edited)
    every = every_nth(rate, traits, 1)
    shown = set(sampled_frames(len(edited), every))
    size = size or model_size(clip.display_size, clip.display_aspect, traits.strides, traits.pixels)
    check_size(size, traits.strides)
    views = SourceViews(clip, edited, size, color_transform(clip.color))
    work = EditedClip(editor, name, text, seed, settings, len(shown), rate / every)
    work.check(size)
    masks = None if mask is None else views.mask(mask, shown)
    with tempfile.TemporaryDirectory(prefix="vera-") as folder:
        drawn = Path(folder) / "drawn.mkv"
        with LosslessWriter(drawn, Fraction(rate / every).limit_denominator(1001)) as writer:
            for picture in work.frames((picture for _, picture in views.pictures(shown)), masks):
                writer.write(picture)
        fitted = fit_frames(open_clip(drawn), clip, out)
        if fitted == drawn:
            out.write_bytes(drawn.read_bytes())
    return out
