"""`vera edit`."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter

from vera.choices import Dtype, Sampler
from vera.cli.master import print_master
from vera.cli.options import Deinterlace, Progressive, Rate, Sound, check_picture, open_source, parse_size, parse_time
from vera.cli.progress import progress_bar
from vera.cli.terminal import say
from vera.errors import VeraError


def edit(
    source: Path,
    instruction: str,
    /,
    *,
    out: Path | None = None,
    layers: Path | None = None,
    result: bool = True,
    model: str = "nano",
    mask: Path | None = None,
    seed: int = 0,
    steps: int | None = None,
    guidance: float | None = None,
    sampler: Sampler | None = None,
    size: str | None = None,
    frames: int | None = None,
    start: Annotated[str | None, Parameter("--from")] = None,
    end: Annotated[str | None, Parameter("--to")] = None,
    master: Literal["exact", "smart", "delivery"] | None = None,
    codec: str | None = None,
    deinterlace: Deinterlace = False,
    rate: Rate = None,
    progressive: Progressive = False,
    sound: Sound = "copy",
    guide: Literal["auto", "plate", "composite", "none"] = "auto",
    decontaminate: bool = False,
    grain: bool = False,
    smooth: bool = False,
    every: int = 1,
    sheet: Path | None = None,
    lora: Sequence[str] = (),
    lut: Path | None = None,
    ocio: str | None = None,
    device: str = "auto",
    dtype: Dtype = "auto",
    offload: Literal["none", "model", "sequential", "group"] = "none",
    quantize: Literal["none", "fp8", "int8"] = "none",
    attention: str | None = None,
    tiling: bool = False,
    cache: Literal["none", "first_block"] = "none",
    compile: bool = False,
) -> None:
    """Edit a clip by an instruction.

    Parameters
    ----------
    source
        The clip. It is never written to.
    instruction
        What to change, in words.
    out
        File to write. Default: beside the source.
    layers
        Folder for the edit layer, the alpha matte and the manifest.
    result
        --no-result writes the layers alone: nothing is composited or encoded.
    model
        nano (ships with Vera), a folder in diffusers' layout, or the name of a model on the hub.
    mask
        Video whose white marks what must stay.
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
    frames
        Edit only so many frames, from the start or from --from.
    start
        Edit only from this time on: seconds, or minutes:seconds, from the clip's first frame.
    end
        Edit only until before this time. What is not edited stays as it is.
    master
        exact: no sample changes outside the matte. smart: only groups of pictures that the edit touches are encoded
        again, all other packets stay (H.264, H.265). delivery: an ordinary encode. Default: exact.
    codec
        How to encode, such as ffv1, h264-lossless or h264. Default: as the master needs, by the suffix.
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
    sheet
        PNG that shows source, edit layer, alpha, result and difference.
    lora
        LoRA: nano-8-steps (ships with Vera), a file, a folder, or a name on the hub; with a scale as in
        look.safetensors:0.8. May be repeated.
    lut
        For log footage: the .cube file that shows it in BT.709, as camera makers give it.
    ocio
        For log footage: its colour space in OpenColorIO's config, such as "ARRI LogC4".
    device
        Such as cuda, cuda:1 or cpu. Default: a GPU where there is one.
    dtype
        Of the transformer. Default: bfloat16 where the device computes in it.
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
    from vera.layers import contact_sheet
    from vera.layers.refine.clip import Refinement
    from vera.pipelines import Acceleration
    from vera.pipelines import edit as run
    from vera.pipelines.footage.outputs import default_out
    from vera.pipelines.inputs import check_edit_outputs

    times = [None if time is None else parse_time(time) for time in (start, end)]
    model_size = None if size is None else parse_size(size)
    if sheet is not None:
        check_picture(sheet)
        if not result:
            raise VeraError("a sheet shows the result: leave out --sheet or --no-result")
        check_edit_outputs(
            source,
            out or default_out(source),
            layers,
            sheet=sheet,
            mask=mask,
            lut=lut,
            model=model,
            lora=lora,
        )
    clip = open_source(source, deinterlace, rate, progressive, sound)
    first = os.environ.get("RANK", "0") == "0"  # of the processes that torchrun started
    with progress_bar(shown=first) as report:
        done = run(
            clip,
            instruction,
            out=out,
            layers=layers,
            result=result,
            model=model,
            mask=mask,
            seed=seed,
            steps=steps,
            guidance=guidance,
            sampler=sampler,
            size=model_size,
            frames=frames,
            start=times[0],
            end=times[1],
            master=master,
            codec=codec,
            device=device,
            dtype=dtype,
            acceleration=Acceleration(offload, quantize, attention, tiling, cache, compile),
            lora=lora,
            refinement=Refinement(guide, decontaminate, grain, smooth, every),
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
    if sheet is not None and done.edit is not None and done.out is not None:
        contact_sheet(clip, done.edit, done.out, sheet)
        say(f"sheet    {sheet}")
    width, height = done.size
    say(f"edited   {done.frames} frames at {width}x{height} in {sum(done.seconds.values()):.1f} s")
