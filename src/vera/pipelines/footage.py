"""`edit`: from a clip and an instruction to a clip, by layers."""

import math
import platform
import re
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from fractions import Fraction
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vera.errors import VeraError
from vera.layers import LayeredEdit, check_layers_folder, save_layers
from vera.layers.belongs import describe_source
from vera.layers.color_transform import ColorTransform, color_transform, edit_to_source, source_view
from vera.layers.masks import check_mask, read_mask
from vera.layers.masters import Master, choose_codec, write_master
from vera.layers.rate import shown_frames
from vera.pipelines.acceleration import Acceleration
from vera.pipelines.inputs import check_edit_outputs
from vera.pipelines.instruction import check_instruction
from vera.pipelines.load import load_pipeline
from vera.pipelines.pipeline_vera import VeraPipeline, check_sampling
from vera.pipelines.processes import group_size, is_first, process_group
from vera.pipelines.refinement import Refinement, refine
from vera.pipelines.sizes import check_size, model_size
from vera.progress import Progress
from vera.video import CODECS, FrameReader, MediaInfo, SourceLike, as_source, probe
from vera.video.formats import is_float
from vera.video.kind import check_kind
from vera.video.sequence import source_files

ROUNDING = 0.0005  # seconds by which a time that a user gives may miss its frame
_WRITABLE = (".mp4", ".mov", ".m4v", ".mkv")
_PACKAGES = ("vera", "torch", "diffusers", "transformers", "av")


@dataclass(frozen=True)
class EditReport:
    """What `edit` did: the file and, where asked for, the folder it wrote, and the layers themselves.

    `frames` of the clip's frames were edited, at the model's `size` (width, height); `seconds` by stage. `master` is
    what was written, None in a process that does not write. `vera.layers.verify` checks what it guarantees.
    """

    out: Path
    layers: Path | None
    edit: LayeredEdit
    frames: int
    size: tuple[int, int]
    seconds: dict[str, float]
    master: Master | None = None


@process_group()
def edit(
    source: SourceLike,
    instruction: str,
    *,
    out: str | Path | None = None,
    layers: str | Path | None = None,
    model: str | Path = "nano",
    mask: str | Path | None = None,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    size: tuple[int, int] | None = None,
    frames: int | None = None,
    start: Fraction | float | None = None,
    end: Fraction | float | None = None,
    master: str | None = None,
    codec: str | None = None,
    device: str = "auto",
    dtype: str = "auto",
    acceleration: Acceleration | None = None,
    lora: Sequence[str | Path] = (),
    refinement: Refinement | None = None,
    lut: str | Path | None = None,
    ocio: str | None = None,
    progress: Progress | None = None,
) -> EditReport:
    """Edit the clip `source` by `instruction` and write the result to `out` (default: `NAME-vera.SUFFIX` beside it).

    Frame times, colour tags and sound are the source's; so is every sample that the alpha matte does not cover.

    Args:
        layers: folder to save the edit layer, the alpha matte and the manifest in; they are not saved if None.
        model: "nano", a folder in diffusers' layout or a model of the hub.
        mask: video, or a still image, of the source's size whose white marks the subject to preserve.
        seed: the same seed, machine and settings give the same bytes.
        steps, guidance: of the sampling; the model's own if None.
        size: width and height at which the model works; by the source's shape and the model's training if None.
        start, end: edit only the frames from `start` until before `end`, in seconds from the first frame.
        frames: edit only so many frames from there. What is not edited has no layers and stays as it is.
        master: "exact", "smart" or "delivery" (see `vera.layers.masters`); exact if None, unless `codec` is lossy.
        codec: a name in `vera.video.CODECS`; lossless if None.
        device, dtype, acceleration, lora: those of `load_pipeline`.
        refinement: how the layers are brought to the source's rate and size.
        lut, ocio: what shows log footage in BT.709, as in `color_transform`; other footage is converted by its tags.
        progress: called with (stage, done, total).

    Raises VeraError for input that cannot be used, before any sampling. Until the work is done nothing stands under
    the names of `out` and `layers`. Of several processes that torchrun started, which share the sampling, the first
    writes.
    """
    clock = _Clock()
    refinement = refinement or Refinement()
    with clock.stage("probe"):
        named = default_out(as_source(source).path) if out is None else out
        check_edit_outputs(source, named, layers, mask=mask, lut=lut, model=model, lora=lora)
        instruction = check_instruction(instruction)
        if frames is not None and frames < 1:
            raise VeraError(f"frames must be at least 1, not {frames}")
        if not 0 <= seed < 2**63:
            raise VeraError(f"seed must be between 0 and 2**63 - 1, not {seed}")
        check_sampling(1 if steps is None else steps, 1.0 if guidance is None else guidance)
        info = probe(source)
        check_kind(source)  # of the whole clip, which is written even where a part of it is edited
        out = default_out(info.path) if out is None else Path(out)
        edited = _edited_frames(info, start, end, frames)
        if is_first():
            choose_codec(info, out, master, codec)  # whether it could be written
        layers = None if layers is None else Path(layers)
        if layers is not None and is_first():
            check_layers_folder(layers)
        mask = None if mask is None else Path(mask)
        if mask is not None:
            check_mask(mask, info)

        if is_float(info.pix_fmt) and (lut is not None or ocio is not None):
            raise VeraError(f"{info.path}: is linear light, which is shown as sRGB; leave out the LUT or colour space")
        transform = color_transform(info.color, lut, ocio)

    with clock.stage("load"):
        pipeline = load_pipeline(str(model), device, dtype, acceleration, lora)
        pipeline.set_progress_bar_config(disable=progress is not None)
        strides = pipeline.size_strides[::-1]
        if size is None:
            size = model_size(info.display_size, info.display_aspect, strides, pipeline.config.model_pixels)
        check_size(size, strides)
        pipeline.check_text(instruction, "instruction", pipeline.config.max_sequence_length)

    with clock.stage("read"):
        video = _read_frames(info, edited, size, transform, progress)
        hint = None if mask is None else read_mask(mask, len(edited), *size, first=edited.start)
        shown = list(shown_frames(len(edited), refinement.every))

    with clock.stage("sample"):
        sampled = pipeline(
            video[shown],
            instruction,
            mask=None if hint is None else hint[shown],
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(seed),
            callback_on_step_end=_report_steps(progress),
            return_dict=False,
        )

    with clock.stage("refine"):
        colors, alpha, recorded = refine(sampled[0], sampled[1], video, refinement, info, edited, seed)
        if transform is not None:
            # From here on the layers are in the source's colours, which have more codes than 8 bits tell apart.
            colors = np.stack([edit_to_source(picture, transform) for picture in colors])
        metadata = _manifest(pipeline, info, instruction, seed, str(model), mask, len(pipeline.scheduler.timesteps))
        metadata |= {
            "acceleration": asdict(acceleration or Acceleration()),
            "lora": [str(path) for path in lora],
            "processes": group_size(),
            **recorded,
            "color": None if transform is None else transform.name,
        }
        layered = LayeredEdit(colors, alpha, info.pts[edited.start : edited.stop], info.time_base, metadata)

    if not is_first():
        return EditReport(out, layers, layered, len(edited), size, clock.seconds)
    with clock.stage("composite"):
        written = write_master(info, layered, out, master, codec, progress)
    if layers is not None:
        with clock.stage("save"):
            save_layers(layered, layers)
    return EditReport(out, layers, layered, len(edited), size, clock.seconds, written)


def default_out(source: Path) -> Path:
    """`NAME-vera.SUFFIX` beside the source; .mkv where the source's own kind of file is not written.

    For an image sequence it is one of the same names, in a folder `NAME-vera` beside the source's.
    """
    picture = source_files(source)[0]
    if picture != source:
        folder = picture.absolute().parent
        if all(picture.suffix.lower() not in codec.suffixes for codec in CODECS.values()):
            return folder.with_name(f"{folder.name}-vera.mkv")
        name = re.sub(r"\d+(?=\D*$)", lambda number: "#" * max(2, len(number[0])), picture.stem)
        return folder.with_name(f"{folder.name}-vera") / f"{name}{picture.suffix}"
    suffix = source.suffix if source.suffix.lower() in _WRITABLE else ".mkv"
    return source.with_name(f"{source.stem}-vera{suffix}")


class _Clock:
    """Seconds spent in named stages."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        start = time.perf_counter()
        yield
        self.seconds[name] = time.perf_counter() - start


def _edited_frames(
    info: MediaInfo, start: Fraction | float | None, end: Fraction | float | None, frames: int | None
) -> range:
    """Indices of the frames to edit. Times as people write them are rounded, to a millisecond say."""
    length = info.pts[-1] - info.pts[0]
    bounds = [0.0 if start is None else float(start), math.inf if end is None else float(end)]
    first, last = (bisect_left(info.pts, info.pts[0] + (bound - ROUNDING) / float(info.time_base)) for bound in bounds)
    chosen = range(first, last if frames is None else min(last, first + frames))
    if bounds[0] < 0 or not chosen:
        seconds = float(length * info.time_base)
        raise VeraError(
            f"{info.path}: no frame lies from {bounds[0]:g} s until before {bounds[1]:g} s; "
            f"the first is at 0 s, the last at {seconds:g} s"
        )
    return chosen


def _read_frames(
    info: MediaInfo,
    chosen: range,
    size: tuple[int, int],
    transform: ColorTransform | None,
    progress: Progress | None,
) -> NDArray[np.uint8]:
    """The `chosen` frames upright at `size` (width, height): RGB [count,H,W,3]."""
    width, height = size
    video = np.empty((len(chosen), height, width, 3), np.uint8)
    with FrameReader(info.source) as reader:
        frames = islice(reader, chosen.start, chosen.stop)
        for index, (target, frame) in enumerate(zip(video, frames, strict=False)):
            target[...] = source_view(frame, width, height, info.orientation, transform)
            if progress is not None:
                progress("read", index + 1, len(chosen))
    return video


def _report_steps(progress: Progress | None) -> Callable[[VeraPipeline, int, Tensor, dict[str, Any]], dict[str, Any]]:
    def report(pipeline: VeraPipeline, step: int, timestep: Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        if progress is not None:
            progress("sample", step + 1, pipeline.num_timesteps)
        return {}

    return report


def _manifest(
    pipeline: VeraPipeline, info: MediaInfo, instruction: str, seed: int, model: str, mask: Path | None, steps: int
) -> dict[str, Any]:
    """What it takes to make the same layers again."""
    config, scheduler = pipeline.config, pipeline.scheduler.config
    return {
        "instruction": instruction,
        "seed": seed,
        "model": model,
        "steps": steps,
        "guidance": pipeline.guidance_scale,
        "negative_prompt": config.negative_prompt if pipeline.do_classifier_free_guidance else None,
        "window_frames": config.window_frames,
        "window_overlap": config.window_overlap,
        "scheduler": type(pipeline.scheduler).__name__,
        "shift": scheduler.get("flow_shift", scheduler.get("shift")),
        "dtype": str(pipeline.transformer.dtype).removeprefix("torch."),
        "device": str(pipeline._execution_device),
        "mask": None if mask is None else mask.name,
        "source": describe_source(info),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
    }
