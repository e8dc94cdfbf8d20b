"""Options of `vera edit`, in groups, each a value that the library takes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from vera.choices import Acceleration, Dtype, Guide, MasterKind, Sampler
from vera.cli.options import parse_size, parse_time

if TYPE_CHECKING:
    from vera.layers.refine.clip import Refinement


@Parameter(name="*", group=Group.create_ordered("Outputs"))
@dataclass(frozen=True)
class Writing:
    """What is written.

    Parameters
    ----------
    out
        File to write. Default: beside the source.
    layers
        Folder for the edit layer, the alpha matte and the manifest.
    result
        --no-result writes the layers alone: nothing is composited or encoded.
    master
        exact: no sample changes outside the matte. smart: only groups of pictures that the edit touches are encoded
        again, all other packets stay (H.264, H.265). delivery: an ordinary encode. Default: exact.
    codec
        How to encode, such as ffv1, h264-lossless or h264. Default: as the master needs, by the suffix.
    """

    out: Path | None = None
    layers: Path | None = None
    result: bool = True
    master: MasterKind | None = None
    codec: str | None = None


@Parameter(name="*", group=Group.create_ordered("Model"))
@dataclass(frozen=True)
class Loading:
    """Which model, and how it is fitted to the machine.

    Parameters
    ----------
    model
        nano (ships with Vera), a folder in diffusers' layout, or the name of a model on the hub: a Vera model, or an
        editor of which Vera makes layers. `vera models` lists them, with short names such as lucy or vace-1.3b.
    lora
        LoRA: nano-8-steps (ships with Vera), a file, a folder, or a name on the hub; with a scale as in
        look.safetensors:0.8. May be repeated.
    device
        Such as cuda, cuda:1 or cpu. Default: a GPU where there is one.
    dtype
        Of the transformer. Default: bfloat16 where the device computes in it.
    """

    model: str = "nano"
    lora: Sequence[str] = ()
    device: str = "auto"
    dtype: Dtype = "auto"


@Parameter(name="*", group=Group.create_ordered("Sampling"))
@dataclass(frozen=True)
class Sampling:
    """How the layers are sampled.

    Parameters
    ----------
    quality
        Take the model itself instead of its student, which needs fewer steps and is the default of nano.
    seed
        Same seed, same machine, same settings: same bytes.
    steps
        Sampling steps. Default: the model's own.
    guidance
        How strongly the instruction steers. Default: the model's own.
    sampler
        Method of the sampling steps. Default: the model's own.
    size
        WxH at which the model works. Default: by the source's shape.
    """

    quality: bool = False
    seed: int = 0
    steps: int | None = None
    guidance: float | None = None
    sampler: Sampler | None = None
    size: str | None = None

    def settings(self) -> Mapping[str, Any]:
        """Arguments of `vera.edit`; VeraError for a size that is none."""
        return vars(self) | {"size": None if self.size is None else parse_size(self.size)}


@Parameter(name="*", group=Group.create_ordered("Part of the clip"))
@dataclass(frozen=True)
class Trimming:
    """Which part of the clip is edited.

    Parameters
    ----------
    frames
        Edit only so many frames, from the start or from --from.
    start
        Edit only from this time on: seconds, or minutes:seconds, from the clip's first frame.
    end
        Edit only until before this time. What is not edited stays as it is.
    """

    frames: int | None = None
    start: Annotated[str | None, Parameter("--from")] = None
    end: Annotated[str | None, Parameter("--to")] = None

    def settings(self) -> Mapping[str, Any]:
        """Arguments of `vera.edit`; VeraError for times that are none."""
        start, end = (None if time is None else parse_time(time) for time in (self.start, self.end))
        return {"frames": self.frames, "start": start, "end": end}


@Parameter(name="*", group=Group.create_ordered("Refinement"))
@dataclass(frozen=True)
class Refining:
    """How layers are brought to the source's rate and size.

    Parameters
    ----------
    guide
        Picture that the matte takes its edge from when it is enlarged: the source's frame (plate), the layers over it
        (composite), or none. auto: the source's frame wherever the matte follows it.
    decontaminate
        Take the old background out of soft edges: for edits that replace the background.
    grain
        Give the edit layer the source's grain.
    smooth
        Average the layers with the frames before and after, moved along.
    every
        Let the model see only every Nth frame; the layers between follow the source's motion.
    """

    guide: Guide = "auto"
    decontaminate: bool = False
    grain: bool = False
    smooth: bool = False
    every: int = 1

    def refinement(self) -> "Refinement":
        """VeraError for what a refinement cannot be."""
        from vera.layers.refine.clip import Refinement

        return Refinement(**vars(self))


@Parameter(name="*", group=Group.create_ordered("Memory and time"))
@dataclass(frozen=True)
class Accelerating(Acceleration):
    """What to save memory or time with.

    Parameters
    ----------
    offload
        Keep weights off the GPU until they are used: whole networks (model), blocks (group) or layers (sequential).
    quantize
        Keep the transformer's weights in 8 bits.
    attention
        Kernel: native, flex, flash, sage, xformers or another that diffusers knows.
    tiling
        Encode and decode tile by tile.
    cache
        Take what changes little from the step before: faster, and not the same result.
    compile
        Compile the transformer's block.
    """


WRITING, SAMPLING, TRIMMING = Writing(), Sampling(), Trimming()
REFINING, LOADING, ACCELERATING = Refining(), Loading(), Accelerating()
