"""`edit`: from a clip and an instruction to a clip, by layers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import torch

from vera.choices import Acceleration, Sampler
from vera.errors import VeraError
from vera.layers import LayeredEdit, load_layers
from vera.layers.masters import Master, write_master
from vera.layers.refine.clip import Refinement
from vera.pipelines.editors.adapters.adapter import Adapter
from vera.pipelines.footage.clock import Clock
from vera.pipelines.footage.draw import draw_layers
from vera.pipelines.footage.job import EditJob
from vera.pipelines.footage.outputs import kept_on_failure, layers_folder
from vera.pipelines.footage.preview import Show
from vera.pipelines.footage.region import RegionLike
from vera.pipelines.footage.settings import Outputs, Part, Sampling
from vera.pipelines.footage.student import with_student
from vera.pipelines.footage.write import write_layers
from vera.pipelines.load import choice_of, choose_model
from vera.pipelines.pipeline_vera import VeraPipeline
from vera.processes import is_first, process_group
from vera.progress import Progress
from vera.video import ClipLike


@dataclass(frozen=True)
class EditReport:
    """What `edit` did: the file and the folder it wrote, each None unless asked for, and the layers themselves.

    `edit` reads its frames from disk as they are asked for. `frames` of the clip's frames were edited, and the layers
    have this `size` (width, height); `seconds` by stage. `master` is what was written. `edit` and `master` are None in
    a process that does not write. `choice` says in a line which model did what, `notices` what the user should know of
    the layers. `vera.layers.verify` checks what the master guarantees.
    """

    out: Path | None
    layers: Path | None
    edit: LayeredEdit | None
    frames: int
    size: tuple[int, int]
    seconds: dict[str, float]
    master: Master | None = None
    choice: str = ""
    notices: tuple[str, ...] = ()


@process_group()
def edit(
    source: ClipLike,
    instruction: str,
    *,
    out: str | Path | None = None,
    layers: str | Path | None = None,
    result: bool = True,
    model: str | Path | None = None,
    mask: str | Path | None = None,
    region: RegionLike | Sequence[RegionLike] | None = None,
    quality: bool = False,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    sampler: Sampler | None = None,
    size: tuple[int, int] | None = None,
    frames: int | None = None,
    start: Fraction | float | None = None,
    end: Fraction | float | None = None,
    master: str | None = None,
    codec: str | None = None,
    device: str | None = None,
    dtype: str | torch.dtype | None = None,
    acceleration: Acceleration | None = None,
    lora: Sequence[str | Path] = (),
    pipeline: VeraPipeline | Adapter | None = None,
    refinement: Refinement | None = None,
    lut: str | Path | None = None,
    ocio: str | None = None,
    progress: Progress | None = None,
    preview: Show | None = None,
) -> EditReport:
    """Edit the clip `source` by `instruction` and write the result to `out` (default: `NAME-vera.SUFFIX` beside it).

    Frame times, colour tags and sound are the source's; so is every sample that the alpha matte does not cover.

    Args:
        layers: folder to save the edit layer, the alpha matte and the manifest in; they are not saved if None.
        result: False writes the layers alone.
        model: "nano", which is the default, a folder in diffusers' layout, a model of the hub, or a short name that
            `vera models` lists: a Vera model, or an editor, of whose frames layers are made.
        mask: video, or a still image, of the source's size whose white marks the subject to preserve.
        region: the part of the frame that is edited, at the model's own size: (x, y, width, height) in pixels of the
            upright frame, the same as "x,y,width,height", or "auto", where `mask` says; or several of these, of which
            later ones are laid over earlier ones. The whole frame if None.
        quality: take the model itself where a student of it, which needs fewer steps, is the default: nano has one.
            LoRA, steps or guidance of your own take the model itself, too.
        seed: the same seed, machine and settings give the same bytes.
        steps, guidance: of the sampling; the model's own if None.
        sampler: "euler" or "unipc"; the model's own scheduler if None.
        size: width and height at which the model works on the frame, or on each region; by the source's shape and the
            model's training if None.
        start, end: edit only the frames from `start` until before `end`, in seconds from the first frame.
        frames: edit only so many frames from there. What is not edited has no layers and stays as it is.
        master: "exact", "smart" or "delivery" (see `vera.layers.masters`); exact if None, unless `codec` is lossy.
        codec: a name in `vera.video.CODECS`; lossless if None.
        device, dtype, acceleration, lora: those of `load_pipeline`.
        pipeline: a model that `load_pipeline` or `load_editor` gave, to load once for many edits, in place of `model`
            and how it is loaded; it is left as it was.
        refinement: how the layers are brought to the source's rate and size.
        lut, ocio: what shows log footage in BT.709, as in `color_transform`; other footage is converted by its tags.
        progress: called with (stage, done, total).
        preview: called with a `Preview` after each sampling step of a Vera model; the edit is the same without.

    Raises VeraError for input that cannot be used, before any sampling. The layers are whole on disk before the result
    is begun; if it then cannot be written they are kept, also where they were not asked for, and the error says where.
    The source is read in pieces and the layers go to disk as they are decoded: of a long clip only the latents are in
    memory. Of several processes that torchrun started, which share the sampling, the first writes.
    """
    clock = Clock()
    with clock.stage("probe"):
        asked = choose_model(
            pipeline, model=model, device=device, dtype=dtype, acceleration=acceleration, lora=tuple(lora)
        )
        sampling = Sampling(seed, steps, guidance, sampler, size)
        if pipeline is None:
            asked, sampling = with_student(asked, sampling, quality)
        elif quality:
            raise VeraError("the pipeline is loaded already: leave out quality, or the pipeline")
        job = EditJob.check(
            source,
            instruction,
            outputs=Outputs(_path(out), _path(layers), result, master, codec),
            part=Part(start, end, frames),
            model=asked,
            sampling=sampling,
            mask=mask,
            region=region,
            refinement=refinement,
            lut=lut,
            ocio=ocio,
        )
    return run_edit(job, pipeline=pipeline, progress=progress, preview=preview, clock=clock)


@process_group()
@torch.no_grad()
def run_edit(
    job: EditJob,
    *,
    pipeline: VeraPipeline | Adapter | None = None,
    progress: Progress | None = None,
    preview: Show | None = None,
    clock: Clock | None = None,
) -> EditReport:
    """Do what `job` says; `pipeline` is its model where that is loaded already. Else as `edit`."""
    if pipeline is not None and choice_of(pipeline) != job.model:
        raise VeraError(f"the job is for model {job.model.name}, loaded otherwise than the pipeline: make it anew")
    clock = clock or Clock()
    drawn = draw_layers(job, clock, pipeline, progress, preview)
    size, choice = drawn.views.size, drawn.choice
    report = EditReport(job.out, job.layers, None, len(job.edited), size, clock.seconds, choice=choice)
    if not is_first():
        return report
    with layers_folder(job.layers, job.out) as folder:
        with clock.stage("layers"):
            write_layers(job, drawn, folder, progress)
        report = replace(report, notices=tuple(drawn.notices))
        if job.out is None:
            return replace(report, edit=load_layers(folder))
        with clock.stage("composite"), kept_on_failure(folder, job.layers, job.out):
            layered = load_layers(folder)
            master = write_master(job.clip, layered, job.out, job.master, job.codec, progress)
    return replace(report, edit=layered, master=master)


def _path(path: str | Path | None) -> Path | None:
    return None if path is None else Path(path)
