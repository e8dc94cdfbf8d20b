"""Masters: a clip with its layers laid over, under a stated guarantee for everything that the layers do not cover."""

from dataclasses import dataclass
from pathlib import Path
from typing import get_args

import av

from vera.choices import MasterKind
from vera.errors import VeraError
from vera.layers.composite import Placed, check_spared, place, write_composite
from vera.layers.layered_edit import LayeredEdit
from vera.layers.stack import Stack
from vera.progress import Progress
from vera.video import CODECS, Clip, ClipLike, as_clip, check_output, default_codec
from vera.video.formats import is_float
from vera.video.smart.bits import UnsupportedError
from vera.video.smart.master import SmartPlan, plan_smart, write_smart

MASTERS: tuple[str, ...] = get_args(MasterKind)
# What a delivery encode is made with: the source's own kind of codec if it is one of these, or the first that fits.
_DELIVERY = {"h264": "h264", "hevc": "h265", "prores": "prores"}


@dataclass(frozen=True)
class Master:
    """What was written: its `kind` in `MASTERS`, and the `codec` by its name in `CODECS`, None for a smart master.

    Of its `packets`, `kept` are the source's own. `notice`: why it is not of the kind that was asked for.
    """

    path: Path
    kind: str
    codec: str | None
    packets: int
    kept: int
    notice: str | None = None


def choose_codec(clip: Clip, out: Path, kind: str | None = None, codec: str | None = None) -> tuple[str, str]:
    """The kind of master, and the codec of a whole encode; by default lossless, so exact.

    For a smart master the codec is that of the delivery encode which takes its place where it cannot be made. VeraError
    if the two do not go together or `out` cannot hold them: to be asked before long work.
    """
    if kind not in (None, *MASTERS):
        raise VeraError(f"no master is named {kind!r}; choose from {', '.join(MASTERS)}")
    if kind == "smart" and codec is not None:
        raise VeraError("a smart master keeps the source's codec; leave out the codec, or choose another master")
    lossy = codec in CODECS and not CODECS[codec].lossless
    if kind == "exact" and lossy:
        raise VeraError(f"codec {codec} is lossy, so no exact master; leave it out, or choose the delivery master")
    kind = kind or ("delivery" if lossy else "exact")
    if kind != "exact" and is_float(clip.pix_fmt):
        raise VeraError(f"{out}: an EXR sequence is written exactly or not at all; leave out the master and codec")
    if codec is None:
        codec = default_codec(out, clip.pix_fmt) if kind == "exact" else _delivery_codec(clip, out)
    check_output(out, clip, codec, clip.path)
    return kind, codec


def write_master(
    source: ClipLike,
    edit: LayeredEdit | Stack,
    out: str | Path,
    kind: str | None = None,
    codec: str | None = None,
    progress: Progress | None = None,
    force: bool = False,
) -> Master:
    """Lay `edit` over the clip `source` and write the master `out`; `kind` and `codec`: see
    `choose_codec`.

    A smart master is checked packet by packet and sample by sample before it gets its name. Where it cannot be made, or
    does not pass, a delivery encode is written, and the answer's `notice` says why. VeraError as `composite_clip`.
    """
    out, clip = Path(out), as_clip(source)
    check_spared(clip, edit, out)
    kind, codec = choose_codec(clip, out, kind, codec)
    placed, notice = place(edit, clip, force), None
    if kind == "smart":
        try:
            plan = _write_smart(clip, placed, out, progress)
        except UnsupportedError as reason:
            kind, notice = "delivery", f"{out.name} is a delivery encode and no smart master: {reason}"
        else:
            return Master(out, kind, None, len(plan.times), len(plan.times) - len(plan.renewed))
    write_composite(clip, placed, out, codec, progress)
    return Master(out, kind, codec, clip.frame_count, 0, notice)


def _write_smart(clip: Clip, placed: Placed, out: Path, progress: Progress | None) -> SmartPlan:
    if clip.deinterlace:
        raise UnsupportedError("its packets may be interlaced, and it is to be deinterlaced")
    if clip.progressive and clip.interlaced:
        raise UnsupportedError("its packets say that they are interlaced")
    changed = placed.times()
    plan = plan_smart(clip.path, out.suffix, changed)
    if len(plan.renewed) == len(plan.times):
        raise UnsupportedError("the edit touches all of its groups of pictures")

    def edited(frame: av.VideoFrame) -> av.VideoFrame:
        return placed.lay(frame) if frame.pts in changed else frame

    write_smart(clip, out, plan, edited, progress)
    return plan


def _delivery_codec(clip: Clip, out: Path) -> str:
    names = [_DELIVERY[clip.codec]] if clip.codec in _DELIVERY else []
    names += [name for name, codec in CODECS.items() if not codec.lossless and name not in names]
    for name in names:
        try:
            check_output(out, clip, name, clip.path)
        except VeraError:
            continue
        return name
    # None fits: let the first say what is wrong.
    return names[0]
