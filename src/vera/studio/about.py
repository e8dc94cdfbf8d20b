"""What the studio says of itself, and the ways out of it: tiers of masters, targets of exports."""

import re
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from vera._version import __version__
from vera.presets import STUDENTS
from vera.service.bodies import BODIES
from vera.studio.clips import demo_clip
from vera.studio.probe import LONGEST_SIDE
from vera.studio.schema.about import About, Limits, LoraChoice, Master, MasterCodec, Model, Target
from vera.studio.schema.base import LONGEST_INSTRUCTION
from vera.studio.schema.clips import Root
from vera.studio.studio import Studio

UPLOAD_LIMIT = 50 * 10**9  # bytes: an hour of ProRes 4444 in 4K has 600 GB, of HQ in HD 100; such clips lie on disk
SUFFIXES = [".mp4", ".mov", ".mkv"]
_PROMISES = {
    "exact": ("Exact", "No sample changes outside of the matte. Lossless, so large."),
    "smart": (
        "Smart",
        "Only groups of pictures that the edit touches are encoded again; all other packets are the source's own. "
        "For H.264 and H.265.",
    ),
    "delivery": ("Delivery", "An ordinary encode, small and for every player. Promises nothing; can be measured."),
}


def describe_studio(studio: Studio) -> About:
    """Say what this studio is and can do."""
    return About(
        version=__version__,
        roots=[Root(id=root, name=path.name or str(path)) for root, path in studio.roots.items()],
        models=list(map(_model, studio.models)),
        loras=[LoraChoice(name=name, title=Path(name).name) for name in studio.loras],
        limits=Limits(
            upload_bytes=UPLOAD_LIMIT,
            json_bytes=BODIES["application/json"] or 0,
            mask_bytes=BODIES["image/png"] or 0,
            instruction=LONGEST_INSTRUCTION,
            side=LONGEST_SIDE,
            layers=64,
            strokes=1000,
            points=20_000,
            seeds=16,
        ),
        open=studio.opened,
        demo=demo_clip() is not None,
    )


@cache
def list_masters() -> list[Master]:
    """List the tiers, each with the codecs that keep its promise."""
    from vera.video import CODECS

    def codecs(kind: str) -> list[MasterCodec]:
        if kind == "smart":
            return []
        wanted = {name: codec for name, codec in CODECS.items() if codec.lossless == (kind == "exact")}
        found = ((name, [suffix for suffix in SUFFIXES if suffix in codec.suffixes]) for name, codec in wanted.items())
        return [MasterCodec(name=name, suffixes=suffixes) for name, suffixes in found if suffixes]

    return [
        Master(name=kind, title=title, promise=promise, codecs=codecs(kind))  # type: ignore[arg-type]
        for kind, (title, promise) in _PROMISES.items()
    ]


@cache
def list_targets() -> list[Target]:
    """List the targets; steps are those of a shot of BT.709 in linear light, files named by what they are."""
    from vera.layers.export import TARGETS

    color = SimpleNamespace(trc=1)
    clip = SimpleNamespace(pix_fmt="yuv420p", color=color, path=Path("clip.mov"))
    shot: Any = SimpleNamespace(light="linear", sequence=None, clip=clip)  # all of a shot that steps ask for
    return [
        Target(name=name, title=target.title, alpha=target.alpha, steps=re.sub(r"[{}]", "", target.steps(shot)))
        for name, target in TARGETS.items()
    ]


def _model(name: str) -> Model:
    student = STUDENTS.get(name)
    return Model(
        name=name,
        title=name,
        steps=student.steps if student else None,
        guidance=student.guidance if student else None,
        quality=student is not None,
        student=student.lora if student else None,
    )
