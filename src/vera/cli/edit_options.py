"""Options of `vera edit`, in groups, each a value that the library takes."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Group, Parameter

from vera.choices import Acceleration, Dtype, Guide, MasterKind, Sampler
from vera.cli.options import Words, parse_size, parse_time

if TYPE_CHECKING:
    from vera.layers.refine.clip import Refinement


@Parameter(name="*", group=Group.create_ordered("Outputs"))
@dataclass(frozen=True)
class Writing:
    """What is written.

    Parameters
    ----------
    out
        File to write the result to. Default: NAME-vera beside the source.
    layers
        Folder to keep the layers in: edit layer, alpha matte and manifest. Default: they are not kept.
    result
        Write a result. --no-result writes only the layers.
    master
        What the result guarantees. exact (the default): no sample changes outside the matte. smart (H.264, H.265): only
        frames that the edit affects are encoded again, all other packets are copied. delivery: an ordinary encode.
    codec
        Codec of the result, such as ffv1, h264-lossless or h264. Default: by the master and the file's suffix.
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
        Vera model, or another editor whose edits Vera turns into layers: nano (ships with Vera), a folder in diffusers'
        layout, a name on the hub, or a short name such as lucy or vace-1.3b. `vera models` lists them.
    lora
        LoRA to load: nano-8-steps (ships with Vera), a file, a folder, or a name on the hub. Append a scale as in
        look.safetensors:0.8. May be repeated.
    device
        Device to run on, such as cuda, cuda:1 or cpu. auto: a GPU if there is one.
    dtype
        Number format of the transformer. auto: bfloat16 if the device computes in it.
    """

    model: str = "nano"
    lora: Words = ()
    device: str = "auto"
    dtype: Dtype = "auto"


@Parameter(name="*", group=Group.create_ordered("Sampling"))
@dataclass(frozen=True)
class Sampling:
    """How the layers are sampled.

    Parameters
    ----------
    quality
        Use nano itself instead of its faster student, which is the default. Other models have no student.
    seed
        Seed of the noise. The same seed, machine and settings give the same bytes.
    steps
        Number of sampling steps. Default: the model's own.
    guidance
        Guidance scale: how closely the edit follows the instruction. Default: the model's own.
    sampler
        Sampler. Default: the model's own.
    size
        WxH: frame size at which the model works. Default: the model's own number of pixels in the source's shape.
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
        Edit only this many frames, from the start or from --from.
    start
        Edit only from this time on: seconds, or [hours:]minutes:seconds, after the clip's first frame.
    end
        Edit only up to this time, exclusive. The rest of the clip stays as it is.
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
        Where the enlarged matte takes its edges from. plate: the source. composite: the layers over the source. none:
        interpolate only. auto: the source, wherever its edges fit the matte.
    decontaminate
        Remove the old background from soft edges. For edits that replace the background.
    grain
        Add the source's grain to the edit layer.
    smooth
        Reduce flicker: average each frame of the layers with its motion-compensated neighbours.
    every
        Show the model only every Nth frame, which is faster. Layers in between follow the source's motion.
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
        Keep weights on the CPU until they are used: whole networks (model), blocks (group) or single layers
        (sequential: least memory, slow).
    quantize
        Store the transformer's weights in 8 bits.
    attention
        Attention kernel, by its diffusers name: native, flex, flash, sage, xformers, ... Default: torch's choice.
    tiling
        Encode and decode in tiles, to save memory.
    cache
        first_block: reuse what hardly changes between steps. Faster, but the result differs.
    compile
        Compile the transformer's blocks.
    """


WRITING, SAMPLING, TRIMMING = Writing(), Sampling(), Trimming()
REFINING, LOADING, ACCELERATING = Refining(), Loading(), Accelerating()
