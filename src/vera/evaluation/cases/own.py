"""A benchmark of one's own: the held-out samples of a data set, in the layout of the released test set."""

import warnings
from dataclasses import dataclass
from pathlib import Path

from vera.data.released.dataset import ReleasedLayers
from vera.data.released.writer import add_case, begun_cases, case_names, write_case
from vera.data.sample import BadSample
from vera.errors import DamageWarning, VeraError
from vera.files import check_outputs
from vera.progress import Progress


@dataclass(frozen=True)
class Own:
    """Which samples: those that a recipe with the same `path`, `clip_frames` and `held_out_share` never draws.

    The fields are arguments of `vera.data.released.dataset.ReleasedLayers`.
    """

    path: str
    clip_frames: int
    frames: int
    size: str
    held_out_share: float = 0.02


def write_own(own: Own, out: Path, progress: Progress | None = None) -> int:
    """Write every held-out sample into `out`; returns how many cases there are now.

    A sample that cannot be used is left out, and a DamageWarning says which. The same call goes on with work that was
    stopped. VeraError as `ReleasedLayers` raises it, and for a folder that holds something else.
    """
    check_outputs([Path(own.path)], [out])
    layers = ReleasedLayers(
        own.path, None, own.clip_frames, own.frames, own.size, held_out=True, held_out_share=own.held_out_share
    )
    with begun_cases(out, "own.json", vars(own), "a benchmark of held-out samples"):
        held, keys = case_names(out), sorted(layers.keys())
        for done, key in enumerate(keys, 1):
            task, name = layers.tasks[key[0]], f"{key[0]}-{key[1]:05}"
            if (task, name) not in held:
                try:
                    add_case(write_case(layers.load(key), out, name), out)
                except BadSample as error:
                    warnings.warn(DamageWarning(f"skipped  {error}"), stacklevel=2)
            if progress is not None:
                progress("write", done, len(keys))
        count = len(case_names(out))
    if not count:
        raise VeraError(f"{own.path}: no held-out sample can be used")
    return count
