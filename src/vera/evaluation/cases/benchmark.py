"""A benchmark: the released test split, or a rendered one, in the layout of the released data."""

import hashlib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, islice
from pathlib import Path

import numpy as np

from vera.data.released.layout import TASK_NAMES
from vera.data.released.test_set import TestClip, read_test_set
from vera.errors import VeraError
from vera.evaluation.cases.case import Case
from vera.evaluation.cases.frames import CaseFrames
from vera.evaluation.cases.views import read_alike, read_frames, read_grey
from vera.fields import check_counts
from vera.fingerprints import path_fingerprint
from vera.layers.masks import check_mask, check_white, mask_frames
from vera.video import open_clip

# What clips a case has: of so many, these, so that their number tells. Earlier versions hashed no more of it.
USUAL = {
    ("source",),
    ("source", "mask"),
    ("source", "mask", "alpha"),
    ("source", "alpha", "edit", "composite"),
    ("source", "mask", "alpha", "edit", "composite"),
}


@dataclass(frozen=True, kw_only=True)
class ClipCase(Case):
    """A case whose source is a file. `mask` is white on what must stay; `alpha`, `edit` and `composite` are the truth.

    `seed` is added to a method's own, so that cases may start from different noise.
    """

    source: Path
    mask: Path | None = None
    alpha: Path | None = None
    edit: Path | None = None
    composite: Path | None = None
    seed: int = 0

    @property
    def files(self) -> list[Path]:
        """Everything that the case is made of."""
        return list(self.clips.values())

    @property
    def clips(self) -> dict[str, Path]:
        """Everything that the case is made of, by what it is."""
        named = {name: getattr(self, name) for name in ("source", "mask", "alpha", "edit", "composite")}
        return {name: path for name, path in named.items() if path is not None}


def read_benchmark(path: str, count: int | None = None) -> list[ClipCase]:
    """The cases of a benchmark, background replacement first; `count` takes so many of each task, from the first on.

    `path` is a folder, or a data set on the hub, of which only the files of these cases are fetched. A case is named
    VIDEO_PROMPT by the ids of its row; where both tasks have such a name, bg-change_ or obj-add_ stands before it.
    VeraError as `read_test_set`, for a count below 1, and for two rows of one name.
    """
    check_counts(count=count)
    clips = list(_first(read_test_set(path), count))
    ids = _ids(clips)
    if twice := [name for name, times in Counter(map(str.casefold, ids)).items() if times > 1]:
        raise VeraError(f"{path}: two rows have the ids {twice[0]}; a pair of video_id and prompt_id names one case")
    return [_case(name, clip) for name, clip in zip(ids, clips, strict=True)]


def load_frames(case: ClipCase) -> CaseFrames:
    """Read the clips of a case. What must stay is where the true alpha is 0 or, without one, where the mask is white.

    VeraError if a clip cannot be read, or is not of the source's size and length.
    """
    clip = open_clip(case.source)
    source = read_frames(clip)
    alpha = None if case.alpha is None else read_grey(case.alpha, clip)
    preserved = None if alpha is None else alpha == 0
    if preserved is None and case.mask is not None:
        check_mask(case.mask, clip)
        check_white(case.mask, clip.display_size, len(source), source=clip)
        preserved = np.stack([*islice(mask_frames(case.mask, *clip.display_size, clip), len(source))])
    composite = None if case.composite is None else read_alike(case.composite, clip)
    return CaseFrames(source, alpha, composite, preserved)


def fingerprint(cases: Sequence[ClipCase]) -> str:
    """Hash what the cases ask and the files that they are made of."""
    digest = hashlib.sha256()
    for case in cases:
        digest.update(case_fingerprint(case).encode())
    return digest.hexdigest()


def case_fingerprint(case: ClipCase) -> str:
    """Hash what a case asks and its files, wherever they lie."""
    words = [case.id, case.task, case.instruction, case.caption, case.noun, case.place, case.scene, case.seed]
    roles = tuple(case.clips)
    told = [] if roles in USUAL else [roles]
    return hashlib.sha256(repr([*words, *map(path_fingerprint, case.files), *told]).encode()).hexdigest()


def _first(clips: Iterator[TestClip], count: int | None) -> Iterator[TestClip]:
    for _, of_task in groupby(clips, lambda clip: clip.task):
        for number, clip in enumerate(of_task):
            if count is not None and number >= count:
                break
            yield clip


def _ids(clips: Sequence[TestClip]) -> list[str]:
    plain = [_plain(f"{clip.video_id}_{clip.prompt_id}") for clip in clips]
    times = Counter(map(str.casefold, plain))
    return [
        name if times[name.casefold()] == 1 else f"{TASK_NAMES[clip.task]}_{name}"
        for name, clip in zip(plain, clips, strict=True)
    ]


def _plain(name: str) -> str:
    """A name that every file system takes."""
    return re.sub(r"[^\w.-]+", "-", name)[:120].strip("-.") or "case"


def _case(name: str, clip: TestClip) -> ClipCase:
    return ClipCase(
        id=name,
        task=clip.task,
        instruction=clip.instruction,
        caption=clip.target_caption,
        source=clip.source,
        mask=clip.mask,
        alpha=clip.alpha,
        edit=clip.edit,
        composite=clip.composite,
        noun=clip.facts.get("noun"),
        place=clip.facts.get("place"),
        scene=clip.facts.get("scene"),
    )
