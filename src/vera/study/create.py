"""Make a study from the edits of an evaluation: pairs packed, blinded and registered, in a folder of its own."""

import os
import secrets
import time
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from vera.errors import VeraError
from vera.evaluation.judges.cases import JudgedCase, read_judged_cases
from vera.evaluation.predictions.run import EDITS
from vera.files import check_outputs, file_hash, json_text
from vera.progress import Progress
from vera.study.folder import (
    HASH,
    KEY,
    LINKS,
    MEDIA,
    REGISTRATION,
    REGISTRATION_TEXT,
    STUDY,
    media_path,
    struct_text,
)
from vera.study.links import make_links
from vera.study.packing import TOP, Place, check_alike, pack, rows_apart, shown_size
from vera.study.registration import registration_of, registration_text
from vera.study.study import Design, Item, Key, Study, Texts
from vera.video import open_clip
from vera.whole import whole_folder, write_text
from vera.workers import share_out

Edits = dict[str, dict[str, JudgedCase]]  # by case and method


@dataclass(frozen=True)
class Created:
    """What was made: cases that are in the study, those that lack a method, and the registration's hash."""

    cases: int
    dropped: tuple[str, ...]
    items: int
    sha256: str


def create_study(
    edits: Path,
    methods: Sequence[str],
    out: Path,
    design: Design,
    trials: int | None = None,
    texts: Texts = Texts(),  # noqa: B008 (frozen)
    seed: int | None = None,
    workers: int = 1,
    progress: Progress | None = None,
) -> Created:
    """Make a study of the first method, the reference, against each of the others.

    Args:
        edits: a folder of `vera evaluate run`, or a list of edits as `vera evaluate judge` reads it.
        methods: names in that list; all of them, in its order, if empty.
        out: the study's folder, which must not exist.
        design: `trials` takes the place of its number; None: 27, or as many as there are cases.
        seed: of sides, orders and which result is the upper one; None: drawn.

    VeraError for a seed out of range, methods that are not there, fewer than two of them, no common case, a design
    that cannot be, and a pair whose clips differ in size, length or rate.
    """
    if seed is not None and not 0 <= seed < 2**63:
        raise VeraError(f"seed must be between 0 and 2**63 - 1, not {seed}")
    if out.exists():
        raise VeraError(f"{out}: exists; a study is made once: name another folder")
    listed = edits / EDITS if edits.is_dir() else edits
    found, names = _edits(listed, methods)
    complete = [case for case, own in found.items() if len(own) == len(names)]
    if not complete:
        raise VeraError(f"{listed}: no case has edits of all of {', '.join(names)}; choose methods by --method")
    seed = secrets.randbits(32) if seed is None else seed
    paired, caught, design = _share_out(complete, design, trials, len(names) - 1, seed)
    plans = _plans(paired, caught, len(names) - 1, np.random.default_rng([seed, 1]))
    inputs = {path for case in complete for one in found[case].values() for path in (one.source, one.result)}
    check_outputs([listed, *inputs], [out])
    for case in {*paired, *caught}:
        _check_clips(found, case, names)
    with whole_folder(out) as partial:
        (partial / MEDIA).mkdir()
        jobs = [(found[plan.case], plan, names, partial) for plan in plans]
        items: list[Item] = []
        for item in share_out(pack_item, jobs, workers, ordered=True):
            items.append(item)
            if progress is not None:
                progress("pack", len(items), len(jobs))
        # Servers tell a file's time: the order of packing would say which baseline it is of, or that it is a catch.
        now = time.time()
        for item in items:
            os.utime(media_path(partial, item.id), (now, now))
        study = Study(secrets.token_hex(6), seed, design, texts, tuple(paired), len(names) - 1, tuple(items))
        registered = _write(partial, study, Key(names[0], tuple(names[1:])))
    return Created(len(paired), tuple(case for case in found if case not in complete), len(items), registered)


@dataclass(frozen=True)
class _Plan:
    """An item to be packed: of which case, against which baseline (-1: a catch), and where the reference stands."""

    id: str
    case: str
    baseline: int
    reference: Place

    def methods(self, names: Sequence[str]) -> tuple[str, str]:
        """The upper and the lower result's method; a catch shows the reference twice."""
        pair = (names[0], names[self.baseline + 1])
        return pair if self.reference == "first" else pair[::-1]

    @property
    def damaged(self) -> Place | None:
        """Which result of a catch is made unrecognisable."""
        return None if self.baseline >= 0 else "second" if self.reference == "first" else "first"


def pack_item(edits: dict[str, JudgedCase], plan: _Plan, names: tuple[str, ...], folder: Path) -> Item:
    """Pack a planned item into `folder`."""
    first, second = (edits[name] for name in plan.methods(names))
    path = media_path(folder, plan.id)
    pack(first.source, first.result, second.result, path, plan.damaged)
    clip = open_clip(first.source)
    width, height = shown_size(clip)
    return Item(
        plan.id, plan.case, first.task, first.instruction, plan.baseline, plan.reference, (width, height), TOP,
        rows_apart(height), clip.frame_count, float(clip.frame_count / clip.average_rate), file_hash(path),
    )  # fmt: skip


def _edits(path: Path, methods: Sequence[str]) -> tuple[Edits, tuple[str, ...]]:
    """Edits by case and method, and the methods in their order."""
    found: Edits = defaultdict(dict)
    listed = read_judged_cases(path)
    known = tuple(dict.fromkeys(edit.method for edit in listed))
    names = tuple(methods) or known
    if unknown := [name for name in names if name not in known]:
        raise VeraError(f"{path}: has no method {unknown[0]!a:.60}; there are {', '.join(known):.400}")
    if len(set(names)) < 2 or len(set(names)) < len(names):
        raise VeraError(f"{path}: a study compares at least two different methods, not {', '.join(names) or 'none'}")
    for edit in listed:
        own = found[edit.case]
        if edit.method in names:
            own[edit.method] = edit
        other = next(iter(own.values()), edit)
        if (edit.instruction, edit.source) != (other.instruction, other.source):
            raise VeraError(f"{path}: case {edit.case!r} has two instructions or sources; keep one")
    return found, names


def _share_out(
    cases: Sequence[str], design: Design, trials: int | None, baselines: int, seed: int
) -> tuple[list[str], list[str], Design]:
    """Cases of pairs and of catches, which are other ones where there are enough, and the design with its trials."""
    wanted = min(design.trials, len(cases)) if trials is None else trials
    if wanted > len(cases):
        raise VeraError(f"design: {wanted} trials a rater, but {len(cases)} cases, of which a rater meets each once")
    if wanted < baselines:
        raise VeraError(f"design: {wanted} trials a rater do not meet each of {baselines} baselines; give more cases")
    if design.repeats > wanted:
        raise VeraError(f"design: {design.repeats} repeats of {wanted} trials; give fewer, by --repeats")
    design = replace(design, trials=wanted)
    order = [cases[number] for number in np.random.default_rng([seed, 0]).permutation(len(cases))]
    caught = [order[number % len(order)] for number in range(design.catches)]
    apart = len(cases) - design.catches >= wanted
    return [case for case in cases if not (apart and case in caught)], caught, design


def _plans(paired: Sequence[str], caught: Sequence[str], baselines: int, rng: np.random.Generator) -> list[_Plan]:
    """Every pair of every case and the catches, the reference above in half of all, at random."""
    cells = [(case, baseline) for case in paired for baseline in range(baselines)] + [(case, -1) for case in caught]
    above = rng.permutation(len(cells)) % 2
    places: tuple[Place, Place] = ("first", "second")
    return [
        _Plan(rng.bytes(8).hex(), case, baseline, places[upper])
        for (case, baseline), upper in zip(cells, above.tolist(), strict=True)
    ]


def _check_clips(edits: Edits, case: str, names: Sequence[str]) -> None:
    source = open_clip(edits[case][names[0]].source)
    for name in names:
        try:
            check_alike(source, open_clip(edits[case][name].result))
        except VeraError as error:
            raise VeraError(f"case {case}, {name}: {error}") from None


def _write(folder: Path, study: Study, key: Key) -> str:
    """Write everything but the videos; returns the hash of the registration."""
    registration = registration_of(study, key)
    write_text(folder / STUDY, struct_text(study))
    write_text(folder / KEY, struct_text(key))
    write_text(folder / LINKS, struct_text(make_links(study.design.raters)))
    for name in (KEY, LINKS):
        (folder / name).chmod(0o600)
    write_text(folder / REGISTRATION, json_text(registration) + "\n")
    write_text(folder / REGISTRATION_TEXT, registration_text(registration))
    return str(registration[HASH])
