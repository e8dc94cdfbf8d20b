"""`edit`: from a clip and an instruction to a clip, by layers."""

import math
import platform
import time
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from vera._version import __version__
from vera.color.transform import ColorTransform, color_transform, edit_to_source
from vera.errors import VeraError
from vera.files import scratch_folder
from vera.layers import LayeredEdit, check_layers_folder, load_layers
from vera.layers.folder import LayersWriter
from vera.layers.masks import check_mask
from vera.layers.masters import Master, choose_codec, write_master
from vera.layers.refine.clip import Refined, Refinement, Span, clip_grain, guide_frames
from vera.layers.refine.rate import shown_frames
from vera.layers.source_match import describe_source
from vera.layers.views import SourceViews
from vera.pipelines.acceleration import Acceleration
from vera.pipelines.inputs import check_edit_outputs
from vera.pipelines.instruction import check_instruction
from vera.pipelines.load import load_pipeline
from vera.pipelines.memory import check_memory
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.pipelines.sampling.checks import check_sampling
from vera.pipelines.sampling.sizes import check_size, model_size
from vera.processes import group_size, is_first, process_group
from vera.progress import Progress
from vera.video import CODECS, Clip, ClipLike, as_clip
from vera.video.decoding.kind import check_kind
from vera.video.formats import is_float
from vera.video.sequence import find_sequence, is_pattern

ROUNDING = 0.0005  # seconds by which a time that a user gives may miss its frame
_WRITABLE = (".mp4", ".mov", ".m4v", ".mkv")
_OTHERS = (".mkv", ".mov", ".mp4", ".nut")  # for what the source's own kind of file cannot hold
_PACKAGES = ("torch", "diffusers", "transformers", "av")


@dataclass(frozen=True)
class EditReport:
    """What `edit` did: the file and the folder it wrote, each None unless asked for, and the layers themselves.

    `edit` reads its frames from disk as they are asked for. `frames` of the clip's frames were edited, at the model's
    `size` (width, height); `seconds` by stage. `master` is what was written. `edit` and `master` are None in a process
    that does not write. `vera.layers.verify` checks what the master guarantees.
    """

    out: Path | None
    layers: Path | None
    edit: LayeredEdit | None
    frames: int
    size: tuple[int, int]
    seconds: dict[str, float]
    master: Master | None = None


@process_group()
@torch.no_grad()
def edit(
    source: ClipLike,
    instruction: str,
    *,
    out: str | Path | None = None,
    layers: str | Path | None = None,
    result: bool = True,
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
        result: False writes the layers alone.
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

    Raises VeraError for input that cannot be used, before any sampling. The layers are whole on disk before the result
    is begun; if it then cannot be written they are kept, also where they were not asked for, and the error says where.
    The source is read in pieces and the layers go to disk as they are decoded: of a long clip only the latents are in
    memory. Of several processes that torchrun started, which share the sampling, the first writes.
    """
    clock = _Clock()
    refinement = refinement or Refinement()
    layers, mask = (None if path is None else Path(path) for path in (layers, mask))
    with clock.stage("probe"):
        if not result and (layers is None or out is not None):
            raise VeraError(
                "without a result an edit is its layers: name a folder for them, and no file for the result"
            )
        clip = as_clip(source)
        target = None if not result else default_out(clip.path) if out is None else Path(out)
        check_edit_outputs(clip.path, target, layers, mask=mask, lut=lut, model=model, lora=lora)
        instruction = check_instruction(instruction)
        _check_numbers(frames, seed, steps, guidance)
        check_kind(clip.footage)  # of the whole clip, which is written even where a part of it is edited
        edited = _edited_frames(clip, start, end, frames)
        if target is not None and out is None:
            target = writable_out(clip, target, master, codec)
            check_edit_outputs(clip.path, target, layers, mask=mask, lut=lut, model=model, lora=lora)
        if is_first() and target is not None:
            choose_codec(clip, target, master, codec)  # whether it could be written
        if is_first() and layers is not None:
            check_layers_folder(layers)
        if mask is not None:
            check_mask(mask, clip)
        if is_float(clip.pix_fmt) and (lut is not None or ocio is not None):
            raise VeraError(f"{clip.path}: is linear light, which is shown as sRGB; leave out the LUT or colour space")
        transform = color_transform(clip.color, lut, ocio)

    with clock.stage("load"):
        pipeline = load_pipeline(str(model), device, dtype, acceleration, lora)
        pipeline.set_progress_bar_config(disable=progress is not None)
        strides = pipeline.size_strides[::-1]
        if size is None:
            size = model_size(clip.display_size, clip.display_aspect, strides, pipeline.config.model_pixels)
        check_size(size, strides)
        pipeline.check_text(instruction, "instruction", pipeline.config.max_sequence_length)
        views = SourceViews(clip, edited, size, transform)
        shown = shown_frames(len(edited), refinement.every)
        check_memory(pipeline, len(shown), size, mask is not None)

    with clock.stage("read"):
        plates: dict[int, NDArray[np.uint8]] = {}
        source_latents = pipeline.encode_frames(_shown_pictures(views, shown, plates, progress), len(shown))
        mask_latents = None
        if mask is not None:
            mask_latents = pipeline.encode_frames((hint[None] for hint in views.mask(mask, set(shown))), len(shown))

    with clock.stage("sample"):
        edit_latents, alpha_latents, *_ = pipeline(
            instruction=instruction,
            source_latents=source_latents,
            mask_latents=mask_latents,
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=torch.Generator().manual_seed(seed),
            callback_on_step_end=_report_steps(progress),
            num_frames=len(shown),
            output_type="latent",
            return_dict=False,
        )
    report = EditReport(target, layers, None, len(edited), size, clock.seconds)
    if not is_first():
        return report

    made = _manifest(pipeline, instruction, seed, str(model), mask, acceleration, lora, transform)
    with _layers_folder(layers, target) as folder:
        with clock.stage("layers"), LayersWriter(folder) as writer:
            refined = Refined(refinement, len(edited), plates)
            spans = _decoded_spans(pipeline, edit_latents, alpha_latents, len(shown))
            for index, (colors, matte) in enumerate(refined.frames(spans, views)):
                # The layers are in the source's colours, which have more codes than 8 bits tell apart.
                writer.write(colors if transform is None else edit_to_source(colors, transform), matte)
                if progress is not None:
                    progress("layers", index + 1, len(edited))
            pipeline.maybe_free_model_hooks()
            if layers is not None:  # reads the whole source
                made["source"] = describe_source(clip)
            grain = clip_grain(clip, edited) if refinement.grain else None
            times = clip.pts[edited.start : edited.stop]
            writer.finish(times, clip.time_base, made | refined.record(grain, seed))
        layered = load_layers(folder)
        if target is None:
            return replace(report, edit=layered)
        with clock.stage("composite"), _kept_on_failure(folder, layers, target):
            written = write_master(clip, layered, target, master, codec, progress)
    return replace(report, edit=layered, master=written)


def default_out(source: Path) -> Path:
    """`NAME-vera.SUFFIX` beside the source; .mkv where the source's own kind of file is not written.

    For an image sequence it is one of the same names, in a folder `NAME-vera` beside the source's.
    """
    sequence = find_sequence(source)
    if sequence is not None:
        picture = sequence.files[0]
        folder = picture.absolute().parent
        if all(picture.suffix.lower() not in codec.suffixes for codec in CODECS.values()):
            return folder.with_name(f"{folder.name}-vera.mkv")
        return folder.with_name(f"{folder.name}-vera") / sequence.hashes
    suffix = source.suffix if source.suffix.lower() in _WRITABLE else ".mkv"
    return source.with_name(f"{source.stem}-vera{suffix}")


def writable_out(clip: Clip, out: Path, master: str | None = None, codec: str | None = None) -> Path:
    """`out`, or a name alike of the first kind of file that can hold the result; `out` if none can."""
    place = out.parent if is_pattern(out) else out.with_suffix("")
    for path in (out, *(place.with_name(place.name + suffix) for suffix in _OTHERS)):
        with suppress(VeraError):
            choose_codec(clip, path, master, codec)
            return path
    return out


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
    clip: Clip, start: Fraction | float | None, end: Fraction | float | None, frames: int | None
) -> range:
    """Indices of the frames to edit. Times as people write them are rounded, to a millisecond say."""
    length = clip.pts[-1] - clip.pts[0]
    bounds = [0.0 if start is None else float(start), math.inf if end is None else float(end)]
    first, last = (bisect_left(clip.pts, clip.pts[0] + (bound - ROUNDING) / float(clip.time_base)) for bound in bounds)
    chosen = range(first, last if frames is None else min(last, first + frames))
    if bounds[0] < 0 or not chosen:
        seconds = float(length * clip.time_base)
        raise VeraError(
            f"{clip.path}: no frame lies from {bounds[0]:g} s until before {bounds[1]:g} s; "
            f"the first is at 0 s, the last at {seconds:g} s"
        )
    return chosen


def _check_numbers(frames: int | None, seed: int, steps: int | None, guidance: float | None) -> None:
    if frames is not None and frames < 1:
        raise VeraError(f"frames must be at least 1, not {frames}")
    if not 0 <= seed < 2**63:
        raise VeraError(f"seed must be between 0 and 2**63 - 1, not {seed}")
    check_sampling(1 if steps is None else steps, 1.0 if guidance is None else guidance)


def _shown_pictures(
    views: SourceViews, shown: Sequence[int], plates: dict[int, NDArray[np.uint8]], progress: Progress | None
) -> Iterator[NDArray[np.uint8]]:
    """Read the frames that the model is shown, each RGB `[1,H,W,3]`; on the way `plates` gets those for the guide."""
    count = len(views.edited)
    guides, wanted = set(guide_frames(count)), set(shown)
    for index, picture in views.pictures(guides | wanted):
        if index in guides:
            plates[index] = picture
        if progress is not None:
            progress("read", index + 1, count)
        if index in wanted:
            yield picture[None]


def _decoded_spans(pipeline: VeraPipeline, edit: Tensor, alpha: Tensor, frames: int) -> Iterator[Span]:
    """Decode the latents [C,T',h,w] of edit and alpha, as many frames at a time as the autoencoder codes together."""
    edits = pipeline.decode_spans(edit[None], frames)
    if "alpha" not in pipeline.transformer.config.branches:  # the whole frame is made anew
        yield from ((colors.numpy(), np.ones(colors.shape[:3], np.float32)) for colors in edits)
        return
    alphas = pipeline.decode_spans(alpha[None], frames, grey=True)
    yield from ((colors.numpy(), matte.numpy()) for colors, matte in zip(edits, alphas, strict=True))


@contextmanager
def _layers_folder(layers: Path | None, out: Path | None) -> Iterator[Path]:
    """Give the folder that layers are written to: `layers`, or else one beside `out` that goes when the block ends.

    Its files are still read then, by whoever opened them: Unix keeps what is open.
    """
    if layers is not None or out is None:
        assert layers is not None
        yield layers
        return
    with scratch_folder(_layers_beside(out)) as scratch:
        yield scratch / "layers"


def _layers_beside(out: Path) -> Path:
    """`NAME-layers` beside a result, which may be a folder of pictures."""
    place = out.absolute().parent if is_pattern(out) else out.absolute()
    return place.with_name(f"{place.stem}-layers")


@contextmanager
def _kept_on_failure(folder: Path, layers: Path | None, out: Path) -> Iterator[None]:
    """Keep the layers in `folder`, hours of sampling perhaps, where no result comes about, and say where they are.

    Those that were not asked for (`layers` is None) get a free name beside `out`.
    """
    try:
        yield
    except Exception as error:
        kept = layers
        if kept is None:
            beside = _layers_beside(out)
            names = (beside.with_name(f"{beside.name}{number}") for number in ("", *(f"-{n}" for n in range(2, 100))))
            kept = next(name for name in names if not name.exists())
            folder.rename(kept)
        where = f"the layers are whole in {kept}: lay them by `vera composite`"
        if isinstance(error, VeraError):
            raise VeraError(f"{error}; {where}") from error
        error.add_note(where)
        raise


def _report_steps(progress: Progress | None) -> Callable[[VeraPipeline, int, Tensor, dict[str, Any]], dict[str, Any]]:
    def report(pipeline: VeraPipeline, step: int, timestep: Tensor, tensors: dict[str, Any]) -> dict[str, Any]:
        if progress is not None:
            progress("sample", step + 1, pipeline.num_timesteps)
        return {}

    return report


def _manifest(
    pipeline: VeraPipeline,
    instruction: str,
    seed: int,
    model: str,
    mask: Path | None,
    acceleration: Acceleration | None,
    lora: Sequence[str | Path],
    transform: ColorTransform | None,
) -> dict[str, Any]:
    """Say what it takes to make the same layers again."""
    config, scheduler = pipeline.config, pipeline.scheduler.config
    return {
        "instruction": instruction,
        "seed": seed,
        "model": model,
        "steps": len(pipeline.scheduler.timesteps),
        "guidance": pipeline.guidance_scale,
        "negative_prompt": config.negative_prompt if pipeline.do_classifier_free_guidance else None,
        "window_frames": config.window_frames,
        "window_overlap": config.window_overlap,
        "scheduler": type(pipeline.scheduler).__name__,
        "shift": scheduler.get("flow_shift", scheduler.get("shift")),
        "dtype": str(pipeline.transformer.dtype).removeprefix("torch."),
        "device": str(pipeline._execution_device),
        "mask": None if mask is None else mask.name,
        "acceleration": asdict(acceleration or Acceleration()),
        "lora": [str(path) for path in lora],
        "processes": group_size(),
        "color": None if transform is None else transform.name,
        "versions": {"python": platform.python_version(), "vera": __version__}
        | {name: version(name) for name in _PACKAGES},
    }
