"""`EditJob`: what an edit is to do, with everything checked that can be before a model is loaded."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from vera.color.transform import ColorTransform
from vera.layers import check_layers_folder
from vera.layers.masks import check_mask, check_white
from vera.layers.masters import choose_codec
from vera.layers.refine.clip import Refinement
from vera.pipelines.footage.outputs import default_out, writable_out
from vera.pipelines.footage.region import AUTO, Region, RegionLike, each_region, find_regions
from vera.pipelines.footage.settings import Outputs, Part, Sampling
from vera.pipelines.inputs import check_edit_outputs
from vera.pipelines.instruction import check_instruction
from vera.pipelines.load import ModelChoice
from vera.processes import is_first
from vera.video import Clip, ClipLike, as_clip
from vera.video.decoding.kind import check_kind
from vera.video.display import display_transform


@dataclass(frozen=True)
class EditJob:
    """An edit that can be begun. Made by `EditJob.check`; `run_edit` does it.

    Args:
        clip: the source.
        edited: indices of its frames that are edited.
        instruction: what to change, on one line.
        out: file, or pattern of an image sequence, of the result; None writes the layers alone.
        layers: folder of the layers; None keeps them only where the result cannot be written.
        master, codec: of the result, as in `choose_codec`.
        model: which model, and how it is loaded.
        sampling: how its layers are sampled.
        mask: video or still image, white on the subject to preserve.
        refinement: how layers are brought to the source's rate and size.
        transform: what shows the source in BT.709; None where it is BT.709 already.
        regions: the parts of the frame that are edited, each by itself; the whole frame if there are none.
    """

    clip: Clip
    edited: range
    instruction: str
    out: Path | None
    layers: Path | None
    master: str | None
    codec: str | None
    model: ModelChoice
    sampling: Sampling
    mask: Path | None
    refinement: Refinement
    transform: ColorTransform | None
    regions: tuple[Region, ...] = ()

    @classmethod
    def check(
        cls,
        source: ClipLike,
        instruction: str,
        *,
        outputs: Outputs | None = None,
        part: Part | None = None,
        model: ModelChoice | None = None,
        sampling: Sampling | None = None,
        mask: str | Path | None = None,
        region: RegionLike | Sequence[RegionLike] | None = None,
        refinement: Refinement | None = None,
        lut: str | Path | None = None,
        ocio: str | None = None,
    ) -> Self:
        """Open `source` and check what is asked for; groups that are None have their defaults.

        Raises VeraError for whatever could not be edited, shown to a model or written. Nothing is written or sampled.
        """
        outputs, part, model = outputs or Outputs(), part or Part(), model or ModelChoice()
        mask = None if mask is None else Path(mask)
        clip = as_clip(source)
        out = None if not outputs.result else outputs.out or default_out(clip.path)

        check_spared = partial(check_edit_outputs, mask=mask, lut=lut, model=model.name, lora=model.lora)
        check_spared(clip.path, out, outputs.layers)
        instruction = check_instruction(instruction)
        check_kind(clip.footage)  # of the whole clip, which is written even where a part of it is edited
        edited = part.indices(clip)
        if out is not None and outputs.out is None:
            out = writable_out(clip, out, outputs.master, outputs.codec)
            check_spared(clip.path, out, outputs.layers)
        if is_first():
            _check_writable(clip, out, outputs)
        if mask is not None:
            check_mask(mask, clip)
            finds = AUTO in each_region(region)  # regions, which a black mask has none of: that is an error of its own
            check_white(mask, clip.display_size, edited.stop, not finds, clip, edited.start)
        return cls(
            clip=clip,
            edited=edited,
            instruction=instruction,
            out=out,
            layers=outputs.layers,
            master=outputs.master,
            codec=outputs.codec,
            model=model,
            sampling=sampling or Sampling(),
            mask=mask,
            refinement=refinement or Refinement(),
            transform=display_transform(clip, lut, ocio),
            regions=find_regions(region, clip, edited, mask),
        )


def _check_writable(clip: Clip, out: Path | None, outputs: Outputs) -> None:
    """VeraError unless the result and the layers could be written."""
    if out is not None:
        choose_codec(clip, out, outputs.master, outputs.codec)
    if outputs.layers is not None:
        check_layers_folder(outputs.layers)
