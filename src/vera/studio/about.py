"""What the studio says of itself, and the ways out of it: tiers of masters, targets of exports."""

from functools import cache
from types import SimpleNamespace
from typing import Any

from vera._version import __version__
from vera.presets import STUDENTS
from vera.service.guard import BODIES, JSON_LIMIT
from vera.studio.clips import demo_clip
from vera.studio.probe import LONGEST_SIDE
from vera.studio.schema.about import About, Limits, Master, MasterCodec, Model, Target
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
        limits=Limits(
            upload_bytes=UPLOAD_LIMIT,
            json_bytes=JSON_LIMIT,
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
    """List the targets; steps are those of a shot that begins at frame 1001 in linear light."""
    from vera.layers.export import TARGETS

    shot: Any = SimpleNamespace(light="linear", first=0, start_frame=1001, numbers=range(1001, 1002), padding="%04d")
    return [
        Target(name=name, title=target.title, alpha=target.alpha, steps=target.steps(shot))
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
    )
